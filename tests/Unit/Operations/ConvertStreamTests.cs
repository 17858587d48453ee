using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A raw disk that goes to a stream or comes from one: whole and in order, or an error.</summary>
public sealed class ConvertStreamTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = new byte[(9 * MiB) + 700];

    public ConvertStreamTests()
    {
        Patterns.Random(5 * MiB, 1).CopyTo(_disk, 0);
        Patterns.Random(700, 2).CopyTo(_disk, 9 * MiB);
        File.WriteAllBytes(_folder["disk.raw"], _disk);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("qcow2", true)]
    [InlineData("vmdk", false)]
    [InlineData("raw", false)]
    public void A_disk_of_any_format_goes_to_a_stream_byte_for_byte(string format, bool compress)
    {
        string source = _folder["disk.raw"];
        if (format != "raw")
        {
            ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = _folder["disk." + format], Compress = compress });
            source = _folder["disk." + format];
        }

        using var stream = new Trickle(new MemoryStream());
        ConvertResult result = ConvertImage.Run(ToStream(stream) with { Path = source });
        // Other formats than raw hold whole sectors.
        byte[] padded = [.. _disk, .. new byte[512 - (_disk.Length % 512)]];
        Assert.Equal(format == "raw" ? _disk : padded, ((MemoryStream)stream.Inner).ToArray());
        Assert.Throws<InvalidOperationException>(() => result.Target);
    }

    [Fact]
    public void What_needs_more_than_to_write_in_order_is_refused_before_anything_is_written()
    {
        using var memory = new MemoryStream();
        foreach (string format in new[] { "qed", "qcow2", "vhdx", "vhd", "vmdk", "vdi" })
            Fails.With(ErrorKind.UnsupportedFeature, "cannot be written to a stream", () => ConvertImage.Run(ToStream(memory) with { Format = format }));
        Fails.With(ErrorKind.UnsupportedFeature, () => ConvertImage.Run(ToStream(memory) with { Verify = true }));
        Fails.With(ErrorKind.UnsupportedFeature, () => ConvertImage.Run(ToStream(memory) with { DeleteSource = true }));
        Assert.Equal(0, memory.Length);
        Assert.True(File.Exists(_folder["disk.raw"]));
    }

    [Fact]
    public void A_stream_that_fails_is_an_error()
        => Fails.With(ErrorKind.AccessDenied, "the stream failed", () => ConvertImage.Run(ToStream(new Trickle(new MemoryStream(new byte[3 * MiB])))));

    [Theory]
    [InlineData("raw")]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vhdx")]
    [InlineData("vhd")]
    [InlineData("vmdk")]
    [InlineData("vdi")]
    public void A_stream_of_known_length_becomes_an_image_of_any_format(string format)
    {
        using var stream = new Trickle(new MemoryStream(_disk));
        ConvertImage.Run(FromStream(stream, _disk.Length) with { Format = format });
        byte[] read = TestImage.ReadAll(_folder["out"], format);
        Assert.True(read.AsSpan(0, _disk.Length).SequenceEqual(_disk));
    }

    [Fact]
    public void Compressed_and_onto_a_backing_file_as_well()
    {
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.raw"], DestinationPath = _folder["base.qcow2"] });
        byte[] changed = (byte[])_disk.Clone();
        changed[3 * MiB] ^= 1;
        using var stream = new Trickle(new MemoryStream(changed));
        ConvertImage.Run(FromStream(stream, changed.Length) with { Format = "qcow2", Compress = true, BackingPath = "base.qcow2", BackingFormat = "qcow2" });
        Assert.True(TestImage.ReadAll(_folder["out"], "qcow2").AsSpan(0, changed.Length).SequenceEqual(changed));
    }

    [Theory]
    [InlineData(-1, "too early")]
    [InlineData(1, "goes on")]
    public void A_stream_that_breaks_off_or_goes_on_leaves_nothing(int more, string words)
    {
        using var stream = new Trickle(new MemoryStream(new byte[_disk.Length + more]));
        Fails.With(ErrorKind.InvalidSize, words, () => ConvertImage.Run(FromStream(stream, _disk.Length)));
        Assert.Equal([_folder["disk.raw"]], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_stream_of_unknown_length_is_refused_and_one_that_tells_its_length_is_not()
    {
        Fails.With(ErrorKind.InvalidSize, "does not tell how long", () => ConvertImage.Run(FromStream(new Trickle(new MemoryStream(_disk)), null)));
        using var memory = new MemoryStream(_disk);
        ConvertImage.Run(FromStream(memory, null));
        Assert.Equal((_disk.Length + 511) / 512 * 512, Describe.Of(_folder["out"], "qed").Size);
    }

    [Fact]
    public void A_stream_cannot_be_read_twice()
    {
        foreach (Func<ConvertImageOptions, ConvertImageOptions> with in new Func<ConvertImageOptions, ConvertImageOptions>[]
        {
            options => options with { Verify = true },
            options => options with { DeleteSource = true, Length = null },
            options => options with { Salvage = true, Length = null },
            options => options with { SourceFormat = "qcow2" },
            options => options with { FurtherPaths = [_folder["disk.raw"]] },
        })
        {
            using var memory = new MemoryStream(_disk);
            Fails.With(ErrorKind.UnsupportedFeature, () => ConvertImage.Run(with(FromStream(memory, _disk.Length))));
        }

        Assert.False(File.Exists(_folder["out"]));
    }

    [Fact]
    public void From_one_stream_into_another()
    {
        using var target = new MemoryStream();
        ConvertImage.Run(FromStream(new Trickle(new MemoryStream(_disk)), _disk.Length) with { Format = "raw", DestinationStream = target });
        Assert.Equal(_disk, target.ToArray());
    }

    private ConvertImageOptions ToStream(Stream stream)
        => new() { Path = _folder["disk.raw"], DestinationPath = "the stream", DestinationStream = stream, Format = "raw" };

    private ConvertImageOptions FromStream(Stream stream, long? length)
        => new() { Path = "the stream", SourceStream = stream, Length = length, DestinationPath = _folder["out"], Format = "qed" };

    /// <summary>A stream like a pipe: it cannot seek, and gives less than was asked for.</summary>
    private sealed class Trickle(MemoryStream inner) : Stream
    {
        internal Stream Inner => inner;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, 70_001));

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
