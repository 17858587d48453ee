using System;
using System.Collections.Generic;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool.Guest;

/// <summary>A real machine on a served disk: what its file system was promised holds when the server is killed under it.</summary>
public sealed class GuestTests
{
    private const int FilledBytes = 48 << 20;
    private const int DeletedBytes = 40 << 20;

    [Fact]
    public void A_guest_whose_server_is_killed_finds_all_that_was_on_its_disk()
    {
        Assert.SkipWhen(GuestMachine.WhyMissing is not null, GuestMachine.WhyMissing ?? string.Empty);
        using var folder = new TempFolder();
        string image = folder["disk.qed"];
        CreateImage.Run(new CreateImageOptions { Path = image, Size = 256 << 20 });
        var synced = new Dictionary<string, string>();
        using (ServerProcess server = Serve(folder))
        {
            using (var guest = new GuestMachine(folder, folder["socket"], "stage=work"))
            {
                Assert.Equal("FILLED", guest.ReadLine());
                long filled = AllocatedBytes(image);
                Assert.True(filled >= FilledBytes, $"{filled} bytes");
                guest.GoOn();
                Assert.Equal("TRIMMED", guest.ReadLine());
                long trimmed = AllocatedBytes(image);
                Assert.True(trimmed <= filled - (DeletedBytes * 9L / 10), $"{filled} bytes, and {trimmed} after fstrim");
                guest.GoOn();
                for (int i = 0; i < 25; i++)
                    Note(synced, guest.ReadLine(), "SYNCED");
                server.Kill();
            }
        }

        File.Delete(folder["socket"]);
        Assert.True(DescribeImage.Run(new DescribeImageOptions { Path = image }).NeedsCheck);
        using (ServerProcess server = Serve(folder))
        using (var guest = new GuestMachine(folder, folder["socket"], string.Empty))
        {
            Assert.Equal("RECOVERED", guest.ReadLine());
            var found = new Dictionary<string, string>();
            string? line = guest.ReadLine();
            for (; line is not null && line.StartsWith("FOUND", StringComparison.Ordinal); line = guest.ReadLine())
                Note(found, line, "FOUND");
            Assert.Equal("OK", line);
            foreach ((string name, string sum) in synced)
                Assert.Equal(sum, found[name]);
            guest.WaitForEnd();
            // It ends with its only client.
            Assert.Equal(0, server.End().ExitCode);
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = image });
        Assert.True(check is { Corruptions: 0, LeakedClusters: 0, NeedsCheck: false });
        Qemu.AssertSound(image, check.FreeClusters);
        Qemu.ImgOk("convert", "-f", "qed", "-O", "raw", image, folder["disk.raw"]);
        Qemu.Result fsck = Qemu.Run("/usr/sbin/e2fsck", "-fn", folder["disk.raw"]);
        Assert.True(fsck.ExitCode == 0, fsck.Output + fsck.Error);
    }

    private static ServerProcess Serve(TempFolder folder)
    {
        var server = new ServerProcess(folder, "-q", "-k", "socket", "disk.qed");
        server.WaitFor(folder["socket"]);
        return server;
    }

    private static long AllocatedBytes(string image) => DescribeImage.Run(new DescribeImageOptions { Path = image }).AllocatedSize!.Value;

    /// <summary>Notes a file and its checksum: <c>SYNCED s1 d41d8cd9</c>.</summary>
    private static void Note(Dictionary<string, string> sums, string? line, string word)
    {
        string[] words = (line ?? "nothing").Split(' ');
        Assert.True(words.Length == 3 && words[0] == word, line);
        sums[words[1]] = words[2];
    }
}
