using System;
using System.Collections.Generic;
using System.IO;
using Qed.Checking;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>A crash in a change of the backing file's name alone leaves the old name or the new one, whole.</summary>
public sealed class BackingNameCrashTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("base.raw", "another/longer/name/of/a/file.qed")]
    [InlineData("base.raw", "x")]
    [InlineData("base.raw", null)]
    [InlineData(null, "base.raw")]
    public void It_is_the_old_one_or_the_new_one(string? old, string? @new) => Change(ImageWith(old), old, @new);

    [Fact]
    public void Names_of_the_greatest_length_follow_each_other_without_touching()
    {
        string? old = null;
        MemoryStorage image = ImageWith(null);
        for (int i = 0; i < 6; i++)
        {
            string name = new((char)('a' + i), 1023);
            image = Change(image, old, name);
            old = name;
        }
    }

    private MemoryStorage ImageWith(string? backing)
    {
        string path = TestImage.Create(_folder["image.qed"], 1 << 20, 4096, 1);
        SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = backing, MetadataOnly = true });
        return new MemoryStorage(File.ReadAllBytes(path));
    }

    /// <returns>The image with its new name.</returns>
    private static MemoryStorage Change(MemoryStorage storage, string? old, string? @new)
    {
        var log = new CrashLog(storage);
        using (QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true }))
            image.SetBackingName(@new is null ? null : new BackingReference(@new, null));
        var seen = new HashSet<string>();
        var random = new Random(1);
        for (int crash = 0; crash <= log.Count; crash++)
        {
            foreach (MemoryStorage[] state in log.StatesAt(crash, isNewOnly: false, random))
            {
                string? name = QedHeaderReader.ReadBackingName(state[0], QedHeaderReader.Read(state[0]));
                Assert.True(name == old || name == @new, $"before change {crash}: '{name}'");
                Assert.Equal(0, new ImageChecker(state[0], 10).Run(ProgressMeter.Silent, default).Corruptions);
                seen.Add(name ?? "none");
            }
        }

        Assert.Equal(2, seen.Count);
        return storage.Fork();
    }
}
