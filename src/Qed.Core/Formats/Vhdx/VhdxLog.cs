using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>
/// The log of a file that was not closed cleanly (MS-VHDX 2.3.3). Its changes are replayed in memory: reading an image
/// must see them, and must not write.
/// </summary>
internal static class VhdxLog
{
    // Hyper-V and QEMU write 1 MiB. The log is held in memory, so what it may claim is bounded.
    private const long LargestLog = 32 << 20;

    // Entries that are left from earlier rounds and no longer whole cost a checksum each; a sound log has few.
    private const int MostRounds = 8;

    /// <summary>The file as it is once the log has been replayed; the file itself where there is nothing to replay.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt where the log is not valid, or the file was cut off; UnsupportedFeature for a huge log.</exception>
    internal static BlockStorage Apply(BlockStorage file, VhdxHeader header)
    {
        if (!header.HasLog)
            return file;
        byte[] log = ReadLog(file, header.Log);
        if (FindActiveSequence(log, header.LogGuid, out _) is not { } sequence)
        {
            // QEMU names a log in the header before it writes the first entry; if it dies in between, nothing was changed yet.
            return HoldsNoEntry(log, header.LogGuid) ? file : throw NoValidSequence(file.Path, header);
        }

        VhdxLogEntry head = sequence[sequence.Count - 1];
        long length = file.Length;
        long headOffset = header.Log.Offset + head.Offset;
        if (head.FlushedFileOffset > (ulong)length)
            throw VhdxFault.Corrupt(file.Path, $"the file was cut off: its log says that it had at least {head.FlushedFileOffset} bytes", "log entry field FlushedFileOffset", headOffset + 48, head.FlushedFileOffset);
        if (head.LastFileOffset > long.MaxValue)
            throw VhdxFault.Corrupt(file.Path, "the log says that the file is longer than a file can be", "log entry field LastFileOffset", headOffset + 56, head.LastFileOffset);
        var patches = new List<VhdxLogPatch>();
        foreach (VhdxLogEntry entry in sequence)
            entry.Replay(patches.Add);
        long needed = patches.Aggregate(Math.Max(length, (long)head.LastFileOffset), (most, patch) => Math.Max(most, patch.End));
        return new ReplayedStorage(file, needed, log, patches);
    }

    private static bool HoldsNoEntry(byte[] log, Guid logGuid)
    {
        for (int offset = 0; offset < log.Length; offset += VhdxLogEntry.SectorSize)
        {
            if (VhdxLogEntry.IsMarked(log.AsSpan(offset), logGuid))
                return false;
        }

        return true;
    }

    private static DiskImageException NoValidSequence(string path, VhdxHeader header)
        => new(ErrorKind.ImageCorrupt, "the image was not closed cleanly, and its log holds no valid sequence of entries", path)
        {
            Structure = "log",
            Offset = header.Log.Offset,
            Remedy = Remedy.Advice("If QEMU died while it wrote the first entry, 'qemu-img check -r all' drops that entry."),
        };

    private static byte[] ReadLog(BlockStorage file, FileRange range)
    {
        if (range.Length > LargestLog)
            throw VhdxFault.Unsupported(file.Path, "the image was not closed cleanly, and its log is longer than 32 MiB", "header field LogLength", null, (ulong)range.Length);
        byte[] log = new byte[range.Length];
        if (file.Read(range.Offset, log) < log.Length)
            throw VhdxFault.Corrupt(file.Path, "the image was not closed cleanly, and its log lies beyond the end of the file", "log", range.Offset);
        return log;
    }

    /// <summary>The entries from the oldest to the newest whose changes may be missing; null where there is no such sequence.</summary>
    /// <param name="log">The whole log.</param>
    /// <param name="logGuid">What valid entries bear.</param>
    /// <param name="examined">How many bytes of entries were looked at, several times where entries overlap.</param>
    internal static List<VhdxLogEntry>? FindActiveSequence(byte[] log, Guid logGuid, out long examined)
    {
        long budget = (long)log.Length * MostRounds;
        examined = budget;
        List<VhdxLogEntry>? active = null;
        for (int start = 0; start < log.Length;)
        {
            List<VhdxLogEntry> sequence = ReadSequence(log, start, logGuid, ref budget);
            if (sequence.Count == 0)
            {
                start += VhdxLogEntry.SectorSize;
                continue;
            }

            VhdxLogEntry head = sequence[sequence.Count - 1];
            int tail = sequence.FindIndex(entry => entry.Offset == head.Tail);
            bool isNewer = active is null || head.SequenceNumber > active[active.Count - 1].SequenceNumber;
            if (tail >= 0 && isNewer)
                active = sequence.GetRange(tail, sequence.Count - tail);
            // No sequence that starts within this one can be longer.
            start += sequence.Sum(entry => entry.Length);
        }

        examined -= Math.Max(0, budget);
        return active;
    }

    private static List<VhdxLogEntry> ReadSequence(byte[] log, int start, Guid logGuid, ref long budget)
    {
        var sequence = new List<VhdxLogEntry>();
        int total = 0;
        while (VhdxLogEntry.TryRead(log, (int)(((long)start + total) % log.Length), logGuid, ref budget) is { } entry)
        {
            bool follows = sequence.Count == 0 || entry.SequenceNumber == sequence[sequence.Count - 1].SequenceNumber + 1;
            if (!follows || entry.Length > log.Length - total)
                break;
            sequence.Add(entry);
            total += entry.Length;
        }

        return sequence;
    }
}
