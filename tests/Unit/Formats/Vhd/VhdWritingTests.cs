using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhd;

/// <summary>What new VHDs are like, and which are refused.</summary>
public sealed class VhdWritingTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_fixed_disk_is_what_Azure_takes()
    {
        string path = Convert((7 << 20) + 1000, new ConvertImageOptions { Path = string.Empty, DestinationPath = string.Empty, Subformat = Subformat.Fixed });
        byte[] file = File.ReadAllBytes(path);
        Assert.Equal((8 << 20) + 512, file.Length);
        ReadOnlySpan<byte> footer = file.AsSpan(8 << 20);
        Assert.True(footer.StartsWith("conectix"u8));
        Assert.Equal(8 << 20, BinaryPrimitives.ReadInt64BigEndian(footer[48..]));
        Assert.Equal(8 << 20, BinaryPrimitives.ReadInt64BigEndian(footer[40..]));
        Assert.Equal(-1, BinaryPrimitives.ReadInt64BigEndian(footer[16..]));
        Assert.Equal(2U, BinaryPrimitives.ReadUInt32BigEndian(footer[60..]));
        Assert.Equal(2U, BinaryPrimitives.ReadUInt32BigEndian(footer[8..]));
        Assert.Equal("win ", Encoding.ASCII.GetString(footer.Slice(28, 4)));
        Assert.NotEqual(Guid.Empty, new Guid(footer.Slice(68, 16).ToArray()));
    }

    [Fact]
    public void A_dynamic_disk_starts_and_ends_with_the_same_footer_and_has_another_id_each_time()
    {
        byte[] first = File.ReadAllBytes(Convert(5 << 20, null));
        byte[] second = File.ReadAllBytes(Convert(5 << 20, null));
        Assert.Equal(first.AsSpan(0, 512).ToArray(), first.AsSpan(first.Length - 512).ToArray());
        Assert.NotEqual(first.AsSpan(68, 16).ToArray(), second.AsSpan(68, 16).ToArray());
        Assert.Equal(uint.MaxValue, BinaryPrimitives.ReadUInt32BigEndian(first.AsSpan(1536 + 12)));
    }

    [Theory]
    [InlineData("vhd")]
    [InlineData("Vhd")]
    [InlineData("VPC")]
    public void The_format_goes_by_two_names_in_any_case(string name)
    {
        Assert.Equal("vhd", FormatRegistry.ByName(name).Name);
        Assert.Equal("vdi", FormatRegistry.ByName("VDI").Name);
        Assert.Equal("vhd", FormatRegistry.ByExtension("a.VHD")!.Name);
    }

    [Theory]
    [InlineData((2040L << 30) + 512, Subformat.Dynamic, null, ErrorKind.InvalidSize, "VHDX")]
    [InlineData((2040L << 30) + (1 << 20), Subformat.Fixed, null, ErrorKind.InvalidSize, "VHDX")]
    [InlineData(0L, Subformat.Fixed, null, ErrorKind.InvalidSize, "1048576")]
    [InlineData(1L << 20, Subformat.Dynamic, 256L << 10, ErrorKind.InvalidGeometry, "524288")]
    [InlineData(1L << 20, Subformat.Dynamic, 3L << 20, ErrorKind.InvalidGeometry, "4194304")]
    [InlineData(1L << 20, Subformat.Dynamic, 32L << 20, ErrorKind.InvalidGeometry, "16777216")]
    [InlineData(1L << 20, Subformat.Dynamic, -5L, ErrorKind.InvalidGeometry, "524288")]
    [InlineData(1L << 20, Subformat.Fixed, 2L << 20, ErrorKind.UnsupportedFeature, "dynamic subformat")]
    [InlineData(1L << 20, Subformat.StreamOptimized, null, ErrorKind.UnsupportedFeature, "Dynamic, Fixed")]
    public void What_the_format_cannot_be_is_refused_with_what_it_can(long size, Subformat subformat, long? blockSize, ErrorKind kind, string hint)
    {
        SparseFile.Create(_folder["a.raw"], size).Dispose();
        DiskImageException error = Assert.Throws<DiskImageException>(() => ConvertImage.Run(
            new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["a.vhd"], Subformat = subformat, ClusterSize = blockSize }));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(hint, error.Message, StringComparison.Ordinal);
        Assert.Equal(["a.raw"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
    }

    private string Convert(int size, ConvertImageOptions? options)
    {
        byte[] disk = new byte[size];
        disk.AsSpan(0, size / 2).Fill(1);
        string raw = _folder["a.raw"];
        File.WriteAllBytes(raw, disk);
        string target = _folder[$"{Guid.NewGuid():N}.vhd"];
        options ??= new ConvertImageOptions { Path = raw, DestinationPath = target };
        ConvertImage.Run(options with { Path = raw, DestinationPath = target, Verify = true });
        return target;
    }
}
