using System;
using System.IO;
using System.IO.Compression;
using System.Linq;
using Qed.Formats;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats;

public sealed class DeflateTests
{
    public static TheoryData<int> Lengths { get; } = [1, 511, 512, 65536, 70000, 1 << 21];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void What_is_compressed_comes_back_although_bytes_follow(int length)
    {
        byte[] data = Compressible(length);
        byte[] target = new byte[length + 64];
        int used = Deflate.CompressRaw(data, target);
        Assert.InRange(used, 1, target.Length);
        target.AsSpan(used).Fill(0xa5);
        byte[] back = new byte[length];
        Assert.True(Deflate.TryDecompressRaw(target, back));
        Assert.Equal(data, back);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void A_zlib_stream_is_the_one_that_everybody_reads_and_writes(int length)
    {
        byte[] data = Compressible(length);
        byte[] target = new byte[length + 64];
        int used = Deflate.CompressZlib(data, target);
        using (var reader = new ZLibStream(new MemoryStream(target, 0, used), CompressionMode.Decompress))
        {
            byte[] theirs = new byte[length];
            reader.ReadExactly(theirs);
            Assert.Equal(-1, reader.ReadByte());
            Assert.Equal(data, theirs);
        }

        using var written = new MemoryStream();
        using (var writer = new ZLibStream(written, CompressionLevel.SmallestSize, leaveOpen: true))
            writer.Write(data);
        byte[] back = new byte[length + 10];
        Assert.True(Deflate.TryDecompressZlib(written.ToArray(), back, out int count));
        Assert.Equal(data, back.Take(count));
    }

    [Fact]
    public void What_does_not_fit_is_said_not_to()
    {
        byte[] data = Patterns.Random(65536, 1);
        byte[] target = new byte[65536];
        Assert.Equal(-1, Deflate.CompressRaw(data, target));
        Assert.Equal(-1, Deflate.CompressZlib(data, target));
        Assert.Equal(-1, Deflate.CompressZlib(data, target.AsSpan(0, 3)));
    }

    [Fact]
    public void Damaged_cut_and_empty_streams_are_refused()
    {
        byte[] data = Compressible(65536);
        byte[] stream = new byte[70000];
        int used = Deflate.CompressZlib(data, stream);
        byte[] back = new byte[65536];
        Assert.False(Deflate.TryDecompressZlib(stream.AsSpan(0, used / 2), back, out _));
        Assert.False(Deflate.TryDecompressZlib(stream.AsSpan(0, used), back.AsSpan(0, 60000), out _));
        Assert.False(Deflate.TryDecompressZlib([], back, out _));
        Assert.False(Deflate.TryDecompressRaw([], back));
        Assert.False(Deflate.TryDecompressRaw([0xff, 0xff, 0xff], back));
        stream[used - 1] ^= 1;
        Assert.False(Deflate.TryDecompressZlib(stream.AsSpan(0, used), back, out _));
        stream[used - 1] ^= 1;
        for (int i = 0; i < used; i += 97)
        {
            stream[i] ^= 0x10;
            Assert.False(Deflate.TryDecompressZlib(stream.AsSpan(0, used), back, out _) && !back.AsSpan().SequenceEqual(data));
            stream[i] ^= 0x10;
        }
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("Wikipedia", 0x11E60398)]
    public void Adler_32_is_that_of_RFC_1950(string text, uint sum)
        => Assert.Equal(sum, Deflate.Adler32(System.Text.Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Adler_32_does_not_overflow()
        => Assert.Equal(Slowly(Patterns.Filled(1 << 20, 0xff)), Deflate.Adler32(Patterns.Filled(1 << 20, 0xff)));

    private static uint Slowly(byte[] bytes)
    {
        uint a = 1;
        uint b = 0;
        foreach (byte value in bytes)
        {
            a = (a + value) % 65521;
            b = (b + a) % 65521;
        }

        return b << 16 | a;
    }

    private static byte[] Compressible(int length)
    {
        byte[] data = Patterns.Random(length, length);
        for (int i = 0; i < length; i++)
            data[i] &= (byte)(i / 1000 % 4 == 0 ? 0xff : 0x07);
        return data;
    }
}
