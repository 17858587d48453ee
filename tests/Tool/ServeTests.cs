using System;
using System.Diagnostics;
using System.IO;
using Qed.Tests.Support;
using Qed.Tool;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary><c>qed serve</c>, which has qemu-nbd's options, as a process that QEMU is a client of.</summary>
public sealed class ServeTests
{
    [Fact]
    public void It_serves_until_a_signal_and_leaves_a_sound_image()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        using Process process = Start(folder, "-f", "qed", "-k", "socket", "-t", "-e", "4", "--pid-file", "pid", "disk.qed");
        string line = process.StandardOutput.ReadLine()!;
        Assert.Equal($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", line);
        Assert.Equal(Qemu.Text(process.Id), File.ReadAllText(folder["pid"]).Trim());
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        Qemu.Run("kill", "-TERM", Qemu.Text(process.Id));
        process.WaitForExit();
        Assert.Equal((0, string.Empty), (process.ExitCode, process.StandardError.ReadToEnd()));
        Assert.Equal([folder["disk.qed"]], Directory.GetFiles(folder.Path));
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M"]);
        Qemu.AssertSound(folder["disk.qed"]);
    }

    [Fact]
    public void A_server_that_is_killed_leaves_what_was_flushed_and_the_next_one_goes_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        string uri = $"nbd+unix:///?socket={folder["socket"]}";
        using (Process process = Start(folder, "-k", "socket", "-t", "-q", "disk.qed"))
        {
            WaitFor(folder["socket"], process);
            Qemu.IoOk(uri, "raw", ["write -P 1 1M 1M", "flush", "write -P 2 3M 1M"]);
            process.Kill();
            process.WaitForExit();
        }

        using (Process process = Start(folder, "-k", "socket", "disk.qed"))
        {
            Assert.StartsWith("Serving", process.StandardOutput.ReadLine(), StringComparison.Ordinal);
            Qemu.IoOk(uri, "raw", ["read -P 1 1M 1M", "write -P 3 5M 64k"]);
            // It ends with its last client.
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        }

        Assert.False(File.Exists(folder["socket"]));
        Assert.Equal(0, Qemu.Img("check", "-f", "qed", folder["disk.qed"]).ExitCode & ~3);
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M", "read -P 3 5M 64k"]);
    }

    /// <summary>A machine goes on from its old disk while that is copied, and the server is killed again and again.</summary>
    [Fact]
    public void An_overlay_comes_to_stand_alone_whenever_the_server_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        Qemu.Require();
        const int Size = 24 << 20;
        using var folder = new TempFolder();
        byte[] model = Patterns.Random(Size, 1);
        model.AsSpan(8 << 20, 4 << 20).Clear();
        File.WriteAllBytes(folder["base.raw"], model);
        Invocation.Ours("convert -f raw -O vmdk {d}/base.raw {d}/old.vmdk", folder.Path);
        string uri = $"nbd+unix:///?socket={folder["socket"]}";
        for (int round = 0; round < 3; round++)
        {
            int at = (1 + (7 * round)) << 20;
            WhileServing(folder, ["-k", "socket", "-t", "-q", "--overlay", "new.qed", "--stream", "--max-rate", "16M", "old.vmdk"], process =>
            {
                WaitFor(folder["socket"], process);
                Qemu.IoOk(uri, "raw", [$"write -P {round + 1} {at} 300k", $"discard {at + (2 << 20)} 256k", "flush", $"read -P {round + 1} {at} 300k"]);
            });
            model.AsSpan(at, 300 << 10).Fill((byte)(round + 1));
            model.AsSpan(at + (2 << 20), 256 << 10).Clear();
            File.Delete(folder["socket"]);
        }

        WhileServing(folder, ["-k", "socket", "-t", "--overlay", "new.qed", "--stream", "old.vmdk"], process =>
        {
            Assert.StartsWith("Serving", process.StandardOutput.ReadLine(), StringComparison.Ordinal);
            Assert.Equal($"'{folder["new.qed"]}' stands alone: 'old.vmdk' is not needed any more", process.StandardOutput.ReadLine());
            File.Delete(folder["old.vmdk"]);
            Qemu.IoOk(uri, "raw", ["read -P 2 8M 300k"]);
            Qemu.Run("kill", "-TERM", Qemu.Text(process.Id));
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        });
        WhileServing(folder, ["-k", "socket", "--overlay", "new.qed", "--stream", "old.vmdk"], process =>
        {
            Assert.StartsWith("Serving", process.StandardOutput.ReadLine(), StringComparison.Ordinal);
            Qemu.IoOk(uri, "raw", ["read -P 3 15M 300k"]);
            process.WaitForExit();
        });
        File.WriteAllBytes(folder["model.raw"], model);
        Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", folder["model.raw"], folder["new.qed"]);
        Qemu.Result check = Invocation.Ours("check {d}/new.qed", folder.Path);
        Assert.Equal(0, check.ExitCode);
    }

    [Fact]
    public void A_service_managers_socket_is_taken_over_and_stays_its_own()
    {
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        Assert.SkipUnless(Qemu.TryRun("systemd-socket-activate", ["--version"]) is not null, "systemd-socket-activate is not installed (Debian package systemd)");
        using Process process = Start("systemd-socket-activate", folder, "-l", folder["socket"], "dotnet", "exec", typeof(QedCommand).Assembly.Location, "serve", "disk.qed");
        WaitFor(folder["socket"], process);
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        Assert.StartsWith($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", process.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.True(File.Exists(folder["socket"]));
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M"]);
    }

    [Theory]
    [InlineData("serve", "Expecting image file name")]
    [InlineData("serve -k {d}/s -p 1 {d}/a.qed", "not on both")]
    [InlineData("serve -p 65536 {d}/a.qed", "Invalid --port '65536'")]
    [InlineData("serve -e 0 {d}/a.qed", "Invalid --shared '0'")]
    [InlineData("serve -b nowhere {d}/a.qed", "'nowhere' is no address")]
    [InlineData("serve -k {d}/s -o 2M {d}/a.qed", "lies outside the disk")]
    [InlineData("serve -k {d}/s -x x {d}/a.qed {d}/b.qed", "is for one image")]
    [InlineData("serve -k {d}/s {d}/a.qed {d}/./a.qed", "the same name")]
    [InlineData("serve -k {d}/s -s --overlay {d}/o.qed {d}/a.qed", "thrown away")]
    [InlineData("serve -k {d}/s --stream {d}/a.qed", "into the image of --overlay")]
    [InlineData("serve -k {d}/s --max-rate 1M {d}/a.qed", "for --stream")]
    [InlineData("serve -k {d}/s --overlay {d}/v.vhdx --stream {d}/a.qed", "rests on")]
    [InlineData("serve -k {d}/a.qed {d}/b.qed", "has the name that the socket is to have")]
    [InlineData("serve -k {d}/s {d}/none.qed", "No such file or directory")]
    [InlineData("serve -k {d}/s {d}/v.vhdx", "only QED images are changed in place")]
    [InlineData("serve -k {d}/s --detect-zeroes=maybe {d}/a.qed", "detect_zeroes")]
    [InlineData("serve -k {d}/s --tls-certificates={d} {d}/a.qed", "has no server-cert.pem")]
    [InlineData("serve -k {d}/s --tls-verify-peer {d}/a.qed", "--tls-certificates")]
    [InlineData("serve --fork {d}/a.qed", "not supported")]
    public void What_cannot_be_served_is_refused_and_leaves_nothing(string line, string reason)
    {
        using var folder = new TempFolder();
        foreach (string name in new[] { "a.qed", "b.qed", "v.vhdx" })
            Invocation.Ours($"create -f {Path.GetExtension(name)[1..]} {{d}}/{name} 1M", folder.Path);
        string[] before = Directory.GetFiles(folder.Path);
        Qemu.Result result = Invocation.Ours(line, folder.Path);
        Assert.Equal((1, string.Empty), (result.ExitCode, result.Output));
        Assert.Contains(reason, result.Error, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(folder.Path));
    }

    /// <summary>Does something while a server runs, which is killed afterwards if it still does.</summary>
    private static void WhileServing(TempFolder folder, string[] arguments, Action<Process> action)
    {
        using Process process = Start(folder, arguments);
        try
        {
            action(process);
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    private static void WaitFor(string path, Process process)
    {
        while (!File.Exists(path) && !process.HasExited)
            System.Threading.Thread.Sleep(10);
    }

    private static Process Start(TempFolder folder, params string[] arguments)
        => Start("dotnet", folder, ["exec", typeof(QedCommand).Assembly.Location, "serve", .. arguments]);

    private static Process Start(string program, TempFolder folder, params string[] arguments)
        => Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
}
