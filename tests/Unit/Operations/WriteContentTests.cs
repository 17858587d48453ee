using System;
using System.IO;
using System.Threading;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

public sealed class WriteContentTests : IDisposable
{
    private const int Size = (5 << 20) + 512;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 1, false)]
    [InlineData(511, 3, true)]
    [InlineData(1_000_001, 3_333_333, false)]
    [InlineData(1_000_001, 3_333_333, true)]
    [InlineData(0, Size, true)]
    [InlineData(Size - 1, 1, true)]
    [InlineData(Size, 0, false)]
    public void A_file_and_a_stream_are_written_and_everything_else_stays(int offset, int length, bool withBacking)
    {
        byte[] disk = MakeImage(withBacking);
        byte[] bytes = Patterns.Random(length, 3);
        if (length > 2_000_000)
            bytes.AsSpan(500_000, 1_000_000).Clear();
        File.WriteAllBytes(_folder["in.bin"], bytes);
        bytes.CopyTo(disk, offset);
        ChangeResult result = WriteContent.Run(Options() with { Offset = offset, SourceFile = _folder["in.bin"], Verify = true });
        Assert.Equal(length, result.WrittenBytes);
        AssertReads(disk);

        disk = MakeImage(withBacking);
        bytes.CopyTo(disk, offset);
        using var stream = new MemoryStream([1, 2, 3, .. bytes]) { Position = 3 };
        WriteContent.Run(Options() with { Offset = offset, SourceStream = stream });
        Assert.True(stream.CanRead);
        AssertReads(disk);
    }

    [Fact]
    public void A_length_takes_only_so_much_of_the_source()
    {
        byte[] disk = MakeImage(withBacking: false);
        using var stream = new MemoryStream(Patterns.Filled(100_000, 9));
        WriteContent.Run(Options() with { Offset = 4000, Length = 1000, SourceStream = stream });
        disk.AsSpan(4000, 1000).Fill(9);
        AssertReads(disk);
        Assert.Equal(1000, stream.Position);
    }

    [Fact]
    public void A_stream_of_unknown_length_is_written_to_its_end()
    {
        byte[] disk = MakeImage(withBacking: false);
        byte[] bytes = Patterns.Random(3_000_000, 4);
        WriteContent.Run(Options() with { Offset = 100, SourceStream = new Pipe(bytes), Verify = true });
        bytes.CopyTo(disk, 100);
        AssertReads(disk);
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_the_first_byte_and_names_the_size_of_the_disk()
    {
        byte[] disk = MakeImage(withBacking: false);
        using var stream = new MemoryStream(new byte[Size]);
        File.WriteAllBytes(_folder["in.bin"], new byte[2]);
        Fails.With(ErrorKind.InvalidSize, "whose size is 5243392 bytes", () => WriteContent.Run(Options() with { Offset = 1, SourceStream = stream }));
        Fails.With(ErrorKind.InvalidSize, "has 1 bytes", () => WriteContent.Run(Options() with { Offset = Size - 1, SourceFile = _folder["in.bin"] }));
        Fails.With(ErrorKind.InvalidSize, "has only 2", () => WriteContent.Run(Options() with { Length = 3, SourceFile = _folder["in.bin"] }));
        AssertReads(disk);
    }

    [Fact]
    public void A_stream_of_unknown_length_that_does_not_fit_or_does_not_suffice_is_refused_in_the_end()
    {
        SparseFile.RequireHoles();
        MakeImage(withBacking: false);
        Fails.With(ErrorKind.InvalidSize, "whose size is 5243392 bytes", () => WriteContent.Run(Options() with { SourceStream = new Pipe(new byte[Size + 1]) }));
        Fails.With(ErrorKind.InvalidSize, "has only 10", () => WriteContent.Run(Options() with { Length = 11, SourceStream = new Pipe(new byte[10]) }));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = _folder["a.qed"] }).IsClean);
    }

    [Fact]
    public void Zeroes_take_no_clusters()
    {
        TestImage.Create(_folder["a.qed"], 1L << 30);
        byte[] bytes = new byte[20 << 20];
        bytes[10 << 20] = 1;
        using var stream = new MemoryStream(bytes);
        WriteContent.Run(Options() with { Offset = 12_345, SourceStream = stream, Verify = true });
        Assert.Equal(1, CheckImage.Run(new CheckImageOptions { Path = _folder["a.qed"] }).AllocatedClusters);
    }

    [Fact]
    public void Zeroes_hide_what_a_backing_file_has_with_marks_instead_of_data()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(4 << 20, 7));
        TestImage.Create(_folder["a.qed"], 4 << 20, 65536, 4, "base.raw", "raw");
        using var stream = new MemoryStream(new byte[1 << 20]);
        WriteContent.Run(Options() with { Offset = 1 << 20, SourceStream = stream });
        var check = CheckImage.Run(new CheckImageOptions { Path = _folder["a.qed"] });
        Assert.Equal((0L, 16L), (check.AllocatedClusters, check.ZeroClusters));
        Assert.Equal(new byte[1 << 20], ReadContent.ToArray(new ReadContentOptions { Path = _folder["a.qed"], Offset = 1 << 20, Length = 1 << 20 }));
    }

    [Fact]
    public void Only_QED_images_are_written_and_others_are_refused_by_name()
    {
        File.WriteAllBytes(_folder["a.raw"], new byte[1024]);
        File.WriteAllBytes(_folder["in.bin"], [1]);
        Fingerprint before = Fingerprint.Of(_folder["a.raw"]);
        Fails.With(ErrorKind.UnsupportedFeature, "only QED images", () => WriteContent.Run(new WriteContentOptions { Path = _folder["a.raw"], SourceFile = _folder["in.bin"] }));
        before.AssertUntouched();
    }

    [Fact]
    public void An_image_is_not_written_into_itself()
    {
        MakeImage(withBacking: false);
        Fails.With(ErrorKind.ImageExists, "same file", () => WriteContent.Run(Options() with { SourceFile = _folder["a.qed"] }));
    }

    [Fact]
    public void Cancelled_it_leaves_a_sound_image()
    {
        MakeImage(withBacking: false);
        using var cancellation = new CancellationTokenSource();
        var stream = new Pipe(Patterns.Random(4 << 20, 3)) { AfterRead = cancellation.Cancel };
        Assert.Throws<OperationCanceledException>(() => WriteContent.Run(Options() with { SourceStream = stream }, cancellation: cancellation.Token));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = _folder["a.qed"] }).IsClean);
    }

    [Fact]
    public void QEMU_reads_what_was_written()
    {
        Qemu.Require();
        MakeImage(withBacking: true);
        using var stream = new MemoryStream(Patterns.Filled(700_000, 5));
        WriteContent.Run(Options() with { Offset = 1 << 20, SourceStream = stream });
        Qemu.IoOk(_folder["a.qed"], "qed", ["read -P 5 1M 699904"]);
        Qemu.AssertSound(_folder["a.qed"]);
    }

    private byte[] MakeImage(bool withBacking)
    {
        byte[] disk = Patterns.Random(Size, 1);
        File.Delete(_folder["a.qed"]);
        if (withBacking)
        {
            File.WriteAllBytes(_folder["base.raw"], disk);
            TestImage.Create(_folder["a.qed"], Size, 4096, 2, "base.raw", "raw");
        }
        else
        {
            disk.AsSpan(2 << 20).Clear();
            TestImage.Create(_folder["a.qed"], Size);
            TestImage.Write(_folder["a.qed"], 0, disk.AsSpan(0, 2 << 20).ToArray());
        }

        return disk;
    }

    private void AssertReads(byte[] disk)
    {
        Assert.True(disk.AsSpan().SequenceEqual(TestImage.ReadAll(_folder["a.qed"])));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = _folder["a.qed"] }).IsClean);
    }

    private WriteContentOptions Options() => new() { Path = _folder["a.qed"] };

    /// <summary>A stream that does not tell its length and gives its bytes in odd pieces.</summary>
    private sealed class Pipe(byte[] bytes) : Stream
    {
        private int _position;

        internal Action? AfterRead { get; init; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int given = Math.Min(Math.Min(count, 70_001), bytes.Length - _position);
            Array.Copy(bytes, _position, buffer, offset, given);
            _position += given;
            AfterRead?.Invoke();
            return given;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
