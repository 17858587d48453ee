using System;
using System.IO;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>A disk as a stream behaves as a file of fixed length does.</summary>
public sealed class DiskImageStreamTests : IDisposable
{
    private const int Size = 300_032;

    private readonly TempFolder _folder = new();

    public DiskImageStreamTests() => TestImage.Create(ImagePath, Size, 4096, 1);

    private string ImagePath => _folder["image.qed"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back_and_moves_the_position()
    {
        byte[] data = Patterns.Random(10_000, 1);
        using (var image = (QedImage)OpenImage.ForWriting(ImagePath))
        using (Stream stream = image.AsStream())
        {
            Assert.True(stream is { CanRead: true, CanWrite: true, CanSeek: true, Length: Size, Position: 0 });
            stream.Position = 100_001;
            stream.Write(data, 1000, 9000);
            Assert.Equal(109_001, stream.Position);
            stream.Write(data.AsSpan(0, 1000));
            stream.Flush();
            stream.Position = 100_001;
            byte[] read = new byte[12_000];
            Assert.Equal(10_000, stream.Read(read, 500, 10_000));
            Assert.Equal(data.AsSpan(1000).ToArray(), read.AsSpan(500, 9000).ToArray());
            Assert.Equal(data.AsSpan(0, 1000).ToArray(), read.AsSpan(9500, 1000).ToArray());
            Assert.Equal((0, 0), (read[499], read[10_500]));
        }

        Assert.Equal(data[1000], TestImage.ReadAll(ImagePath)[100_001]);
    }

    [Fact]
    public void Reading_stops_at_the_end_and_beyond_it_gives_nothing()
    {
        using var stream = new DiskImageStream(OpenImage.ForReading(ImagePath));
        byte[] buffer = Patterns.Filled(1000, 7);
        stream.Position = Size - 10;
        Assert.Equal(10, stream.Read(buffer, 0, 1000));
        Assert.Equal(Size, stream.Position);
        Assert.Equal(0, stream.Read(buffer, 0, 1000));
        Assert.Equal(-1, stream.ReadByte());
        stream.Position = long.MaxValue;
        Assert.Equal(0, stream.Read(buffer, 0, 1000));
        Assert.Equal(long.MaxValue, stream.Position);
        Assert.Equal(7, buffer[10]);
    }

    [Fact]
    public void Writing_past_the_end_writes_nothing()
    {
        using (var stream = new DiskImageStream(OpenImage.ForWriting(ImagePath)))
        {
            stream.Position = Size - 10;
            Assert.Throws<IOException>(() => stream.Write(Patterns.Filled(11, 1), 0, 11));
            Assert.Equal(Size - 10, stream.Position);
            stream.Position = long.MaxValue;
            Assert.Throws<IOException>(() => stream.WriteByte(1));
            stream.Position = Size;
            stream.Write([], 0, 0);
        }

        Assert.Equal(new byte[Size], TestImage.ReadAll(ImagePath));
    }

    [Fact]
    public void Seeking_goes_from_all_three_origins_and_never_before_the_start()
    {
        using var stream = new DiskImageStream(OpenImage.ForReading(ImagePath));
        Assert.Equal(100, stream.Seek(100, SeekOrigin.Begin));
        Assert.Equal(150, stream.Seek(50, SeekOrigin.Current));
        Assert.Equal(Size - 5, stream.Seek(-5, SeekOrigin.End));
        Assert.Equal(Size + 5, stream.Seek(5, SeekOrigin.End));
        Assert.Throws<IOException>(() => stream.Seek(-1, SeekOrigin.Begin));
        Assert.Throws<IOException>(() => stream.Seek(-Size - 6, SeekOrigin.Current));
        Assert.Throws<IOException>(() => stream.Seek(long.MaxValue, SeekOrigin.End));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Seek(0, (SeekOrigin)3));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Position = -1);
        Assert.Equal(Size + 5, stream.Position);
    }

    [Fact]
    public void The_length_is_fixed()
    {
        using var stream = new DiskImageStream(OpenImage.ForWriting(ImagePath));
        Assert.Throws<NotSupportedException>(() => stream.SetLength(Size));
    }

    [Fact]
    public void A_stream_over_an_image_opened_for_reading_refuses_to_write()
    {
        using var stream = new DiskImageStream(OpenImage.ForReading(ImagePath));
        Assert.False(stream.CanWrite);
        Assert.Throws<NotSupportedException>(() => stream.Write(new byte[1], 0, 1));
        stream.Position = Size;
        Assert.Throws<NotSupportedException>(() => stream.Write(new byte[1], 0, 1));
        stream.Flush();
    }

    [Fact]
    public void Closing_the_stream_closes_the_image_unless_it_is_to_stay_open()
    {
        var image = (QedImage)OpenImage.ForWriting(ImagePath);
        image.AsStream().Dispose();
        image.Write(new Qed.Units.GuestOffset(0), new byte[] { 1 });
        new DiskImageStream(image).Dispose();
        Assert.Throws<ObjectDisposedException>(() => image.Write(new Qed.Units.GuestOffset(0), new byte[] { 1 }));
        Assert.Equal(1, TestImage.ReadAll(ImagePath)[0]);
    }

    [Fact]
    public void Streams_over_one_image_have_positions_of_their_own_and_copy_whole()
    {
        byte[] data = Patterns.Random(Size, 4);
        TestImage.Write(ImagePath, 0, data);
        using DiskImage image = OpenImage.ForReading(ImagePath);
        using var first = new DiskImageStream(image, leaveOpen: true);
        using var second = new DiskImageStream(image, leaveOpen: true);
        first.Position = 1000;
        using var copy = new MemoryStream();
        second.CopyTo(copy);
        Assert.Equal(data, copy.ToArray());
        Assert.Equal((1000, Size), (first.Position, second.Position));
    }
}
