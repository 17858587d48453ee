using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>A file system's own list of a file's pieces (Linux's FIEMAP), which knows what was only allocated ahead.</summary>
internal static unsafe class FileMap
{
    private const int PiecesAtOnce = 100;
    private const uint WriteDirtyFirst = 1;
    private const uint IsLast = 1;
    private const uint IsUnwritten = 0x800;

    /// <summary>Adds up a file's pieces.</summary>
    /// <param name="handle">The file.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <returns>
    /// Bytes within the file that were written, and bytes that are taken up and hold nothing, being unwritten yet or behind the
    /// end; null where the file system keeps no such list.
    /// </returns>
    internal static (long Written, long Ahead)? TryRead(SafeFileHandle handle, long length)
    {
        long written = 0;
        long ahead = 0;
        Question question = default;
        for (ulong start = 0; ;)
        {
            question.Start = start;
            question.Length = ulong.MaxValue - start;
            question.Flags = WriteDirtyFirst;
            question.Room = PiecesAtOnce;
            if (LinuxNative.IoControl(handle, LinuxNative.FileMapRequest, &question) != 0)
                return null;
            var pieces = (Piece*)question.Pieces;
            for (uint i = 0; i < question.Count; i++)
            {
                long bytes = (long)pieces[i].Length;
                long inside = (pieces[i].Flags & IsUnwritten) != 0 ? 0 : Math.Max(0, Math.Min(bytes, length - (long)pieces[i].Offset));
                written += inside;
                ahead += inside == 0 ? bytes : 0;
            }

            if (question.Count == 0 || (pieces[question.Count - 1].Flags & IsLast) != 0)
                return (written, ahead);
            ulong next = pieces[question.Count - 1].Offset + pieces[question.Count - 1].Length;
            if (next <= start)
                return null;
            start = next;
        }
    }

    /// <summary>struct fiemap, with room for its pieces.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Question
    {
        internal ulong Start;
        internal ulong Length;
        internal uint Flags;
        internal uint Count;
        internal uint Room;
        internal uint Reserved;
        internal fixed byte Pieces[PiecesAtOnce * Piece.Size];
    }

    /// <summary>struct fiemap_extent.</summary>
    [StructLayout(LayoutKind.Explicit, Size = Size)]
    private struct Piece
    {
        internal const int Size = 56;

        [FieldOffset(0)]
        internal ulong Offset;

        [FieldOffset(16)]
        internal ulong Length;

        [FieldOffset(40)]
        internal uint Flags;
    }
}
