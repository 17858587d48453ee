using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

public sealed class ReadContentTests : IDisposable
{
    private const int Size = (5 << 20) + 512;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = Patterns.Random(Size, 1);

    public ReadContentTests()
    {
        // A chain: the base has all but a part, and that part reads from the overlay.
        _disk.AsSpan(1 << 20, 1 << 20).Clear();
        File.WriteAllBytes(_folder["base.raw"], _disk);
        TestImage.Create(_folder["a.qed"], Size, 4096, 2, "base.raw", "raw");
        Patterns.Random(10_000, 2).CopyTo(_disk, 3_000_000);
        TestImage.Write(_folder["a.qed"], 3_000_000, _disk.AsSpan(3_000_000, 10_000).ToArray());
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, null)]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(511, 3)]
    [InlineData(1_000_001, 3_333_333)]
    [InlineData(Size - 1, null)]
    [InlineData(Size, null)]
    public void A_file_a_stream_and_an_array_get_the_same_bytes(int offset, int? length)
    {
        byte[] expected = _disk.AsSpan(offset, length ?? Size - offset).ToArray();
        ReadContentOptions options = Options() with { Offset = offset, Length = length };
        Assert.Equal(expected, ReadContent.ToArray(options));
        using var stream = new MemoryStream();
        stream.WriteByte(0xcc);
        Assert.Equal(expected.Length, ReadContent.Run(options with { DestinationStream = stream }).Length);
        Assert.Equal([0xcc, .. expected], stream.ToArray());
        Assert.True(stream.CanWrite);
        ReadContent.Run(options with { DestinationFile = _folder["out.bin"], Verify = true });
        Assert.Equal(expected, File.ReadAllBytes(_folder["out.bin"]));
    }

    [Theory]
    [InlineData(0, Size + 1L)]
    [InlineData(Size + 1, null)]
    [InlineData(Size + 1, 0L)]
    [InlineData(1, (long)Size)]
    [InlineData(long.MaxValue, long.MaxValue)]
    [InlineData(-1, 1L)]
    [InlineData(1, -1L)]
    public void A_range_beyond_the_disk_is_refused_and_names_its_size(long offset, long? length)
    {
        ReadContentOptions options = Options() with { Offset = offset, Length = length };
        Fails.With(ErrorKind.InvalidSize, "whose size is 5243392 bytes", () => ReadContent.ToArray(options));
        Fails.With(ErrorKind.InvalidSize, () => ReadContent.Run(options with { DestinationFile = _folder["out.bin"] }));
        Assert.False(File.Exists(_folder["out.bin"]));
    }

    [Fact]
    public void An_array_that_cannot_be_is_refused_by_its_size()
    {
        TestImage.Create(_folder["big.qed"], 3L << 30);
        Fails.With(ErrorKind.InvalidSize, "2147483591", () => ReadContent.ToArray(new ReadContentOptions { Path = _folder["big.qed"] }));
    }

    [Fact]
    public void Zeroes_become_holes_of_the_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the allocated size is asked from Linux here");
        TestImage.Create(_folder["big.qed"], 1L << 40);
        TestImage.Write(_folder["big.qed"], 1L << 39, [1]);
        ReadContent.Run(new ReadContentOptions { Path = _folder["big.qed"], Offset = 512, DestinationFile = _folder["out.bin"] });
        using var file = Qed.Storage.HostFile.Open(_folder["out.bin"], Qed.Storage.StorageAccess.Read);
        Assert.Equal((1L << 40) - 512, file.Length);
        Assert.InRange(file.AllocatedLength!.Value, 1, 1 << 20);
    }

    [Fact]
    public void An_existing_file_is_replaced_only_on_demand_and_never_where_it_is_part_of_the_chain()
    {
        File.WriteAllText(_folder["out.bin"], "mine");
        ReadContentOptions options = Options() with { DestinationFile = _folder["out.bin"], Length = 10 };
        Fails.With(ErrorKind.ImageExists, () => ReadContent.Run(options));
        Assert.Equal("mine", File.ReadAllText(_folder["out.bin"]));
        ReadContent.Run(options with { Force = true });
        Assert.Equal(_disk.AsSpan(0, 10).ToArray(), File.ReadAllBytes(_folder["out.bin"]));
        foreach (string link in new[] { "a.qed", "base.raw" })
            Fails.With(ErrorKind.ImageExists, () => ReadContent.Run(options with { DestinationFile = _folder[link], Force = true }));
    }

    [Fact]
    public void Cancelled_it_leaves_nothing()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => ReadContent.Run(Options() with { DestinationFile = _folder["out.bin"] }, cancellation: cancellation.Token));
        Assert.Equal(["a.qed", "base.raw"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_stream_that_fails_is_an_error_of_this_image()
    {
        using var full = new MemoryStream(new byte[10]);
        Assert.Equal(_folder["a.qed"], Fails.With(ErrorKind.AccessDenied, "the stream failed", () => ReadContent.Run(Options() with { DestinationStream = full })).Path);
    }

    [Fact]
    public void It_reads_what_qemu_io_wrote()
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", "qcow2", _folder["q.qcow2"], "4M");
        Qemu.IoOk(_folder["q.qcow2"], "qcow2", ["write -P 7 1000k 100k"]);
        byte[] bytes = ReadContent.ToArray(new ReadContentOptions { Path = _folder["q.qcow2"], Offset = 999 << 10, Length = 102 << 10 });
        Assert.Equal([.. new byte[1024], .. Patterns.Filled(100 << 10, 7), .. new byte[1024]], bytes);
    }

    private ReadContentOptions Options() => new() { Path = _folder["a.qed"] };
}
