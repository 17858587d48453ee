using System;
using System.IO;
using System.Text;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Layout;

/// <summary>A backing file name is untrusted: malformed ones are refused, well-formed ones are opened only where data is needed.</summary>
public sealed class BackingNameTests : IDisposable
{
    private const int ImageSize = 1 << 20;

    private readonly TempFolder _folder = new();

    public static TheoryData<string, uint, uint, string> MisplacedNames() => new()
    {
        { "in the fixed part of the header", 60, 8, "does not lie within the header" },
        { "at the start of the file", 0, 8, "does not lie within the header" },
        { "behind the header", 4096, 8, "does not lie within the header" },
        { "half behind the header", 4090, 8, "does not lie within the header" },
        { "at the end of the numbers", uint.MaxValue, 1023, "does not lie within the header" },
        { "empty", 64, 0, "backing file name is empty" },
        { "one byte too long", 64, 1024, "longer than 1023 bytes" },
        { "1 MiB long", 64, 1 << 20, "longer than 1023 bytes" },
        { "4 GiB long", 64, uint.MaxValue, "longer than 1023 bytes" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(MisplacedNames))]
    public void A_name_outside_its_bounds_is_refused(string what, uint offset, uint length, string message)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(what);
        AssertCorrupt(Sound().With(16, 1UL).With(56, offset).With(60, length), message);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'a', 0, (byte)'b' }, "holds a NUL byte")]
    [InlineData(new byte[] { (byte)'a', 0xff, (byte)'b' }, "not valid UTF-8")]
    [InlineData(new byte[] { 0xc0, 0xaf }, "not valid UTF-8")]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 }, "not valid UTF-8")]
    public void A_name_with_forbidden_bytes_is_refused(byte[] name, string message) => AssertCorrupt(Named(name), message);

    [Theory]
    [InlineData("json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}", "json:")]
    [InlineData("JSON:{}", "json:")]
    [InlineData("nbd:localhost:10809", "'nbd:'")]
    [InlineData("nbd://localhost/disk", "'nbd:'")]
    [InlineData("fat:rw:folder", "'fat:'")]
    [InlineData("file:base.raw", "'file:'")]
    public void A_pseudo_protocol_is_shown_as_stored_and_refused_where_data_is_needed(string name, string message)
    {
        string path = Save(Named(Encoding.UTF8.GetBytes(name)));
        Fingerprint before = Fingerprint.Of(path);
        ImageDescription description = Describe.Of(path);
        Assert.Equal(name, description.BackingPath);
        Assert.Null(description.BackingFullPath);
        Fails.With(ErrorKind.BackingFileRefused, message, () => OpenImage.ForReading(path).Dispose());
        Fails.With(ErrorKind.BackingFileRefused, message, () => OpenImage.ForWriting(path).Dispose());
        Fails.With(ErrorKind.BackingFileRefused, message, () => ConvertImage.Run(new ConvertImageOptions { Path = path, DestinationPath = _folder["out.raw"] }));
        Assert.False(File.Exists(_folder["out.raw"]));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = path }).IsClean);
        before.AssertUntouched();
    }

    [Theory]
    [InlineData("json:{}")]
    [InlineData("nbd:localhost:1")]
    public void A_pseudo_protocol_is_never_written(string name)
    {
        string path = TestImage.Create(_folder["image.qed"], ImageSize);
        Fingerprint before = Fingerprint.Of(path);
        Fails.With(ErrorKind.BackingFileRefused, () => SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = name, MetadataOnly = true }));
        Fails.With(ErrorKind.BackingFileRefused, () => TestImage.Create(_folder["new.qed"], ImageSize, backing: name));
        Assert.False(File.Exists(_folder["new.qed"]));
        before.AssertUntouched();
    }

    [Fact]
    public void The_longest_name_that_fits_is_read_back_and_one_byte_more_is_not_written()
    {
        string path = TestImage.Create(_folder["image.qed"], ImageSize);
        string longest = new('x', 1023);
        SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = longest, MetadataOnly = true });
        Assert.Equal(longest, Describe.Of(path).BackingPath);
        Fails.With(ErrorKind.BackingFileRefused, "1 to 1023 bytes", () =>
            SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = longest + "x", MetadataOnly = true }));
        Assert.Equal(longest, Describe.Of(path).BackingPath);
    }

    [Fact]
    public void A_name_that_nothing_flags_is_no_backing_file()
    {
        string path = Save(Named("base.raw"u8.ToArray()).With(16, 0UL));
        Assert.Null(Describe.Of(path).BackingPath);
        Assert.Equal(new byte[ImageSize], TestImage.ReadAll(path));
    }

    private void AssertCorrupt(byte[] image, string message)
    {
        string path = Save(image);
        Fingerprint before = Fingerprint.Of(path);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        Fails.With(ErrorKind.ImageCorrupt, message, () => Describe.Of(path));
        Fails.With(ErrorKind.ImageCorrupt, message, () => OpenImage.ForReading(path).Dispose());
        Fails.With(ErrorKind.ImageCorrupt, message, () => OpenImage.ForWriting(path).Dispose());
        Fails.With(ErrorKind.ImageCorrupt, message, () => CheckImage.Run(new CheckImageOptions { Path = path }));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 1 << 20);
        before.AssertUntouched();
    }

    private static byte[] Named(byte[] name)
        => Sound().With(16, (ulong)QedFeatures.BackingFile).With(56, 64u).With(60, (uint)name.Length).With(64, name);

    private static byte[] Sound() => TestImage.Bytes(ImageSize);

    private string Save(byte[] bytes)
    {
        string path = _folder["image.qed"];
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
