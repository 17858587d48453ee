using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats.Vhdx;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>A log that was not replayed: its changes are seen, the file is not touched, and QEMU's replay gives the same.</summary>
public sealed class VhdxLogTests : IDisposable
{
    private const int MiB = VhdxSample.MiB;
    private static readonly Guid LogGuid = new("11111111-2222-3333-4444-555555555555");

    private readonly TempFolder _folder = new();
    private readonly VhdxSample _sample;
    private readonly byte[] _table;

    public VhdxLogTests()
    {
        _sample = VhdxSample.Create(_folder);
        _sample.InHeaders(header => VhdxIds.Write(LogGuid, _sample.At(header + 48)));
        _table = _sample.At(VhdxSample.BlockTable).Slice(0, 4096).ToArray();
    }

    public void Dispose() => _folder.Dispose();

    private ulong FileLength => (ulong)_sample.Bytes.Length;

    private string Image => _folder["pending.vhdx"];

    [Fact]
    public void Changes_of_the_log_are_seen_and_the_file_is_not_changed()
    {
        SwapBlocks(_table);
        Put(0, Entry(7, 0).Data(VhdxSample.BlockTable, _table));
        byte[] expected = Swapped();
        AssertReads(expected);
        ImageDescription description = Describe.Of(Image);
        Assert.True(description.NeedsCheck);
        Assert.True(_sample.Bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Image)));
    }

    [Fact]
    public void The_newest_change_of_a_place_counts_and_zeroes_are_changes_too()
    {
        byte[] middle = (byte[])_table.Clone();
        middle.AsSpan(0, 8).Clear();
        SwapBlocks(_table);
        int next = Put(0, Entry(7, 0).Data(VhdxSample.BlockTable, middle));
        next = Put(next, Entry(8, 0).Zeroes(VhdxSample.BlockTable, 8192));
        Put(next, Entry(9, 0).Data(VhdxSample.BlockTable, _table).Zeroes(VhdxSample.BlockTable + 4096, 4096));
        AssertReads(Swapped());
    }

    [Fact]
    public void A_zero_descriptor_alone_takes_blocks_away()
    {
        Put(0, Entry(3, 0).Zeroes(VhdxSample.BlockTable, 4096));
        AssertReads(new byte[VhdxSample.DiskSize]);
    }

    [Fact]
    public void A_sequence_that_wraps_around_the_end_of_the_log_is_found()
    {
        byte[] emptied = new byte[4096];
        SwapBlocks(_table);
        uint start = MiB - 4096;
        Put((int)start, Entry(70, start).Data(VhdxSample.BlockTable, emptied));
        Put(4096, Entry(71, start).Data(VhdxSample.BlockTable, _table));
        AssertReads(Swapped());
    }

    [Fact]
    public void Entries_before_the_tail_and_older_sequences_are_not_replayed()
    {
        SwapBlocks(_table);
        int next = Put(0, Entry(7, 0).Zeroes(VhdxSample.BlockTable, 4096));
        Put(next, Entry(8, (uint)next).Data(VhdxSample.BlockTable, _table));
        Put(64 << 10, Entry(5, 64 << 10).Zeroes(VhdxSample.Metadata, 4096));
        AssertReads(Swapped());
    }

    [Fact]
    public void A_torn_last_entry_never_happened()
    {
        SwapBlocks(_table);
        int next = Put(0, Entry(7, 0).Data(VhdxSample.BlockTable, _table));
        Put(next, Entry(8, 0).Zeroes(VhdxSample.BlockTable, 4096));
        _sample.At(VhdxSample.Log + next)[100]++;
        AssertReads(Swapped());
    }

    [Fact]
    public void Metadata_may_come_from_the_log()
    {
        byte[] sector = _sample.At(VhdxSample.Metadata + (64 << 10)).Slice(0, 4096).ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(sector.AsSpan(8), 2 * MiB);
        Put(0, Entry(1, 0).Data(VhdxSample.Metadata + (64 << 10), sector));
        AssertReads(_sample.Disk.AsSpan(0, 2 * MiB).ToArray());
    }

    [Fact]
    public void The_file_counts_as_long_as_the_log_says_it_has_to_be()
    {
        SwapBlocks(_table);
        // The block's place was to be added to the file when the power failed.
        BinaryPrimitives.WriteUInt64LittleEndian(_table.AsSpan(8), FileLength | 6);
        Put(0, Entry(7, 0, FileLength + MiB).Data(VhdxSample.BlockTable, _table));
        byte[] expected = Swapped();
        expected.AsSpan(MiB, MiB).Clear();
        AssertReads(expected, withQemu: false);
    }

    [Theory]
    [InlineData("FlushedFileOffset")]
    [InlineData("no valid sequence: tail")]
    [InlineData("no valid sequence: checksum")]
    [InlineData("no valid sequence: sequence number of the data")]
    [InlineData("no valid sequence: unaligned target")]
    [InlineData("no valid sequence: more descriptors than bytes")]
    [InlineData("no valid sequence: longer than the log")]
    public void A_log_that_is_not_sound_is_refused(string fault)
    {
        LogEntryBuilder sound = Entry(7, 0).Data(VhdxSample.BlockTable, _table);
        byte[] entry = fault switch
        {
            "FlushedFileOffset" => new LogEntryBuilder(LogGuid, 7) { FlushedFileOffset = FileLength + MiB }.Build(),
            "no valid sequence: tail" => Entry(7, 8192).Data(VhdxSample.BlockTable, _table).Build(),
            "no valid sequence: checksum" => Broken(sound, 4096 + 100, 1, fixChecksum: false),
            "no valid sequence: sequence number of the data" => Broken(sound, 4096 + 4, 1),
            "no valid sequence: unaligned target" => Entry(7, 0).Data(VhdxSample.BlockTable + 512, _table).Build(),
            "no valid sequence: more descriptors than bytes" => Broken(sound, 24, uint.MaxValue),
            _ => Broken(sound, 8, uint.MaxValue - 4095),
        };
        entry.CopyTo(_sample.Bytes, VhdxSample.Log);
        File.WriteAllBytes(Image, _sample.Bytes);
        DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(Image));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Contains(fault.StartsWith("no", StringComparison.Ordinal) ? "no valid sequence" : "cut off", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_log_of_overlapping_entries_is_looked_at_a_few_times_over_and_no_more()
    {
        const int Length = 32 * MiB;
        long offset = _sample.Bytes.Length;
        byte[] log = new byte[Length];
        for (int at = 0; at < Length; at += 4096)
        {
            "loge"u8.CopyTo(log.AsSpan(at));
            BinaryPrimitives.WriteInt32LittleEndian(log.AsSpan(at + 8), Length);
            BinaryPrimitives.WriteUInt64LittleEndian(log.AsSpan(at + 16), 1);
            VhdxIds.Write(LogGuid, log.AsSpan(at + 32));
        }

        // Each of its 8192 sectors claims to start an entry of 32 MiB.
        Assert.Null(VhdxLog.FindActiveSequence(log, LogGuid, out long examined));
        Assert.InRange(examined, Length, 8L * Length);
        PutLog(offset, log);
        Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => TestImage.ReadAll(Image)).Kind);
    }

    [Fact]
    public void As_many_descriptors_as_a_log_can_hold_are_replayed_soon()
    {
        const int Length = 32 * MiB;
        LogEntryBuilder builder = Entry(1, 0);
        for (int i = 0; i < (Length - 64) / 32; i++)
            builder.Zeroes((VhdxSample.DiskSize + (64L * MiB)) + (4096L * (i * 7919L % 100_003)), 4096L * (1 + (i % 5)));
        PutLog(_sample.Bytes.Length, builder.Build());
        byte[] disk = [];
        TimeSpan work = ThreadTime.During(() => disk = TestImage.ReadAll(Image));
        Assert.True(_sample.Disk.AsSpan().SequenceEqual(disk));
        Assert.InRange(work, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Wherever_QEMU_dies_both_of_us_read_what_it_leaves_the_same()
    {
        // Where QEMU places it.
        const int BlockTable = 2 * MiB;
        Qemu.Require();
        string image = _folder["left.vhdx"];
        int refused = 0;
        int pending = 0;
        int aheadOfTable = 0;
        foreach (byte[] left in StatesOfWriting())
        {
            TestImage.WriteSparsely(image, left);
            byte[]? ours = ReadUnlessTorn(image);
            if (ours is null)
            {
                refused++;
                continue;
            }

            if (Describe.Of(image).NeedsCheck == true)
            {
                pending++;
                int known = Enumerable.Range(0, 8).Count(block => (left[BlockTable + (8 * block)] & 7) == 6);
                int seen = Enumerable.Range(0, 8).Count(block => ours[block * MiB] != 0);
                aheadOfTable += seen > known ? 1 : 0;
            }

            Qemu.Img("check", "-q", "-r", "all", "-f", "vhdx", image);
            Qemu.ImgOk("convert", "-f", "vhdx", "-O", "raw", image, _folder["theirs.raw"]);
            Assert.True(ours.AsSpan().SequenceEqual(File.ReadAllBytes(_folder["theirs.raw"])), $"state {pending} with a log");
        }

        // Of each of three blocks the log knows before the table does, and has an only entry that is torn before it is whole.
        Assert.InRange(aheadOfTable, 3, 6);
        Assert.InRange(pending, 9, 30);
        Assert.InRange(refused, 3, 9);
    }

    /// <summary>What QEMU's file can be while it writes into three blocks and once more into the first: after each write, and amid those of several sectors.</summary>
    private IEnumerable<byte[]> StatesOfWriting()
    {
        string file = _folder["written.vhdx"];
        string log = _folder["writes.log"];
        Qemu.ImgOk("create", "-q", "-f", "vhdx", "-o", "block_size=1M", file, "8M");
        byte[] state = new byte[16 * MiB];
        File.ReadAllBytes(file).CopyTo(state, 0);
        int length = (int)new FileInfo(file).Length;
        File.WriteAllBytes(log, []);
        string logged = $$$$"""json:{"driver":"vhdx","file":{"driver":"blklogwrites","log-sector-size":512,"file":{"driver":"file","filename":"{{{{file}}}}"},"log":{"driver":"file","filename":"{{{{log}}}}"}}}""";
        Qemu.Result result = Qemu.Run("qemu-io", "-c", "write -P 1 0 4k", "-c", "write -P 2 1M 4k", "-c", "write -P 3 2M 4k", "-c", "write -P 4 0 8k", logged);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        foreach ((long offset, byte[] bytes) in LoggedWrites(File.ReadAllBytes(log)))
        {
            // Blocks are added whole before they are written; that is no write, and so not in the log.
            length = Math.Max(length, ((int)offset + bytes.Length + MiB - 1) / MiB * MiB);
            foreach (int part in bytes.Length > 512 ? new[] { bytes.Length / 2, bytes.Length } : [bytes.Length])
            {
                bytes.AsSpan(0, part).CopyTo(state.AsSpan((int)offset));
                yield return state.AsSpan(0, length).ToArray();
            }
        }
    }

    /// <summary>The writes in a log of QEMU's blklogwrites, which has the form of Linux's dm-log-writes.</summary>
    private static IEnumerable<(long Offset, byte[] Bytes)> LoggedWrites(byte[] log)
    {
        const int Sector = 512;
        long count = BinaryPrimitives.ReadInt64LittleEndian(log.AsSpan(16));
        int at = Sector;
        for (long i = 0; i < count; i++)
        {
            long sector = BinaryPrimitives.ReadInt64LittleEndian(log.AsSpan(at));
            int bytes = (int)BinaryPrimitives.ReadInt64LittleEndian(log.AsSpan(at + 8)) * Sector;
            at += Sector;
            // A flush has none.
            if (bytes > 0)
                yield return (sector * Sector, log.AsSpan(at, bytes).ToArray());
            at += bytes;
        }
    }

    /// <summary>QEMU drops a first entry that is torn; the specification wants such an image refused.</summary>
    private static byte[]? ReadUnlessTorn(string image)
    {
        try
        {
            return TestImage.ReadAll(image);
        }
        catch (DiskImageException error) when (error.Message.Contains("no valid sequence", StringComparison.Ordinal))
        {
            return null;
        }
    }

    private static byte[] Broken(LogEntryBuilder builder, int offset, uint value, bool fixChecksum = true)
    {
        byte[] entry = builder.Build();
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(offset), value);
        if (fixChecksum)
            VhdxChecksum.Set(entry);
        return entry;
    }

    private LogEntryBuilder Entry(ulong sequence, uint tail, ulong? lastFileOffset = null) => new(LogGuid, sequence)
    {
        Tail = tail,
        FlushedFileOffset = FileLength,
        LastFileOffset = lastFileOffset ?? FileLength,
    };

    private int Put(int offset, LogEntryBuilder entry)
    {
        byte[] bytes = entry.Build();
        int beforeEnd = Math.Min(bytes.Length, MiB - offset);
        bytes.AsSpan(0, beforeEnd).CopyTo(_sample.At(VhdxSample.Log + offset));
        bytes.AsSpan(beforeEnd).CopyTo(_sample.At(VhdxSample.Log));
        return offset + bytes.Length;
    }

    private void PutLog(long offset, byte[] log)
    {
        _sample.InHeaders(header =>
        {
            _sample.SetUInt64(header + 72, (ulong)offset);
            _sample.SetUInt32(header + 68, (uint)log.Length);
        });
        using var file = new FileStream(Image, FileMode.Create);
        file.Write(_sample.Bytes);
        file.Position = offset;
        file.Write(log);
    }

    /// <summary>The third block of the disk becomes the second.</summary>
    private static void SwapBlocks(byte[] table)
    {
        table.AsSpan(16, 8).CopyTo(table.AsSpan(8));
        table.AsSpan(16, 8).Clear();
    }

    private byte[] Swapped()
    {
        byte[] expected = (byte[])_sample.Disk.Clone();
        expected.AsSpan(2 * MiB, MiB).CopyTo(expected.AsSpan(MiB));
        expected.AsSpan(2 * MiB, MiB).Clear();
        return expected;
    }

    private void AssertReads(byte[] expected, bool withQemu = true)
    {
        File.WriteAllBytes(Image, _sample.Bytes);
        Assert.True(expected.AsSpan().SequenceEqual(TestImage.ReadAll(Image)));
        if (!withQemu)
            return;
        Qemu.Require();
        File.Copy(Image, _folder["replayed.vhdx"]);
        Assert.Equal(0, Qemu.Img("check", "-r", "all", "-f", "vhdx", _folder["replayed.vhdx"]).ExitCode);
        File.WriteAllBytes(_folder["expected.raw"], expected);
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "vhdx", _folder["expected.raw"], _folder["replayed.vhdx"]), StringComparison.Ordinal);
    }
}
