using System;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Operations;
using Qed.Targets;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>Every name that the file system can hold is one that an image can have, although another one stands for it meanwhile.</summary>
public sealed class LongNameTests : IDisposable
{
    private const int Longest = 255;
    private const int Size = 1 << 20;

    private readonly TempFolder _folder = new();

    public static TheoryData<string> Letters { get; } = ["a", "ö", "漢", "\U0001f4be"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Letters))]
    public void An_image_is_created_and_converted_under_the_longest_name(string letter)
    {
        RequireRoom(letter);
        string image = _folder[NameOf(letter, Longest)];
        TestImage.Create(image, Size);
        TestImage.Write(image, 4096, Patterns.Random(512, 1));
        using var other = new TempFolder();
        string copy = other[NameOf(letter, Longest)];
        ConvertImage.Run(new ConvertImageOptions { Path = image, DestinationPath = copy, Verify = true });
        ConvertImage.Run(new ConvertImageOptions { Path = image, DestinationPath = copy, Force = true, DeleteSource = true });
        Assert.Equal(Patterns.Random(512, 1), TestImage.ReadAll(copy).AsSpan(4096, 512).ToArray());
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(copy, Assert.Single(Directory.GetFileSystemEntries(other.Path)));
    }

    [Theory]
    [MemberData(nameof(Letters))]
    public void Meanwhile_the_file_is_named_after_its_target_in_whole_characters(string letter)
    {
        RequireRoom(letter);
        for (int length = Longest - 40; length <= Longest; length++)
        {
            string target = _folder[NameOf(letter, length)];
            string path = TemporaryName.Beside(target);
            string name = Path.GetFileName(path);
            File.WriteAllText(path, string.Empty);
            File.Delete(path);
            Assert.True(TemporaryName.IsFor(target, path));
            Assert.Matches(@"\.[0-9a-f]{8}\.partial\z", name);
            Assert.StartsWith(name[..^17].TrimEnd('_'), Path.GetFileName(target), StringComparison.Ordinal);
            Assert.InRange(LengthOf(name), 1, Math.Max(120, LengthOf(Path.GetFileName(target))));
            // What is not whole could not be made bytes and text again.
            Assert.Equal(name, Encoding.UTF8.GetString(new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(name)));
        }
    }

    [Fact]
    public void A_short_name_stays_whole()
        => Assert.Matches(@"\Aimage\.qed\.[0-9a-f]{8}\.partial\z", Path.GetFileName(TemporaryName.Beside(_folder["image.qed"])));

    [Theory]
    [MemberData(nameof(Letters))]
    public void A_name_that_the_file_system_cannot_hold_is_refused_before_anything_is_written(string letter)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "how long a name may be is a matter of the file system");
        DiskImageException error = Fails.With(ErrorKind.ImageNotFound, "too long", () => Destination.Begin(_folder[NameOf(letter, Longest + 1)], overwrite: false));
        Assert.EndsWith(".qed", error.Path, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    /// <summary>Skips the test where Windows has room for a name, but the file system behind it has not: it counts bytes of UTF-8.</summary>
    private static void RequireRoom(string letter)
    {
        if (Encoding.UTF8.GetByteCount(letter) > 2 * letter.Length)
            Wine.CannotShow("no name has 255 characters of three bytes");
    }

    private static int LengthOf(string name) => OperatingSystem.IsWindows() ? name.Length : Encoding.UTF8.GetByteCount(name);

    /// <summary>A name of as many bytes of UTF-8, the most of them in one letter.</summary>
    private static string NameOf(string letter, int bytes)
    {
        const string Extension = ".qed";
        int letters = (bytes - Extension.Length) / Encoding.UTF8.GetByteCount(letter);
        string name = string.Concat(Enumerable.Repeat(letter, letters)) + Extension;
        return new string('x', bytes - Encoding.UTF8.GetByteCount(name)) + name;
    }
}
