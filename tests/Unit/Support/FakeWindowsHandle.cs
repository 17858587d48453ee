using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Storage.Windows;

namespace Qed.Tests.Support;

/// <summary>A file or volume of Windows as a test wants it: it answers as the system's documents say, or with the errors that it is given.</summary>
internal sealed class FakeWindowsHandle : IWindowsHandle
{
    internal uint Attributes { get; set; }

    /// <summary>The error of a call, by its code.</summary>
    internal Dictionary<uint, int> Refusals { get; } = [];

    /// <summary>The answer of a call, by its code.</summary>
    internal Dictionary<uint, byte[]> Answers { get; } = [];

    /// <summary>What was asked for, in order.</summary>
    internal List<(uint Code, byte[] Input)> Asked { get; } = [];

    /// <summary>What was set, in order.</summary>
    internal List<(int Class, byte[] Value)> WasSet { get; } = [];

    /// <summary>Volume and number of FILE_ID_INFO; null where the file system has none.</summary>
    internal (ulong Volume, ulong Low, ulong High)? Id { get; set; }

    /// <summary>Volume and index of BY_HANDLE_FILE_INFORMATION; null where the file system has none.</summary>
    internal (uint Volume, ulong Index)? Index { get; set; }

    internal string? Final { get; set; }

    /// <summary>Whether a file with holes stays sparse, as it did on older systems.</summary>
    internal bool KeepsSparse { get; set; }

    internal long Allocated { get; set; }

    internal long Length { get; set; }

    internal long Compressed { get; set; }

    public int Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returned)
    {
        Asked.Add((code, input.ToArray()));
        returned = 0;
        if (Refusals.TryGetValue(code, out int error) && error != WindowsError.MoreData)
            return error;
        if (code == WindowsControl.SetSparse && !KeepsSparse)
            Attributes = input.Length > 0 && input[0] == 0 ? Attributes & ~WindowsFile.Sparse : Attributes | WindowsFile.Sparse;
        if (code == WindowsControl.SetCompression)
            Attributes &= ~WindowsFile.Compressed;
        if (Answers.TryGetValue(code, out byte[]? answer))
        {
            returned = Math.Min(answer.Length, output.Length);
            answer.AsSpan(0, returned).CopyTo(output);
        }

        return error;
    }

    public int Query(int informationClass, Span<byte> information)
    {
        information.Clear();
        switch (informationClass)
        {
            case WindowsControl.BasicInfo:
                BinaryPrimitives.WriteUInt32LittleEndian(information[32..], Attributes);
                return WindowsError.None;
            case WindowsControl.StandardInfo:
                BinaryPrimitives.WriteInt64LittleEndian(information, Allocated);
                BinaryPrimitives.WriteInt64LittleEndian(information[8..], Length);
                return WindowsError.None;
            case WindowsControl.CompressionInfo when Compressed > 0:
                BinaryPrimitives.WriteInt64LittleEndian(information, Compressed);
                return WindowsError.None;
            case WindowsControl.IdInfo when Id is var (volume, low, high):
                BinaryPrimitives.WriteUInt64LittleEndian(information, volume);
                BinaryPrimitives.WriteUInt64LittleEndian(information[8..], low);
                BinaryPrimitives.WriteUInt64LittleEndian(information[16..], high);
                return WindowsError.None;
            default:
                return WindowsError.InvalidParameter;
        }
    }

    public int QueryBasics(Span<byte> information)
    {
        information.Clear();
        if (Index is not var (volume, index))
            return WindowsError.NotSupported;
        BinaryPrimitives.WriteUInt32LittleEndian(information[28..], volume);
        BinaryPrimitives.WriteUInt32LittleEndian(information[40..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(information[44..], (uint)(index >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(information[48..], (uint)index);
        return WindowsError.None;
    }

    public int Set(int informationClass, ReadOnlySpan<byte> information)
    {
        WasSet.Add((informationClass, information.ToArray()));
        if (informationClass == WindowsControl.EndOfFileInfo)
            Length = BinaryPrimitives.ReadInt64LittleEndian(information);
        if (informationClass == WindowsControl.AllocationInfo)
            Allocated = BinaryPrimitives.ReadInt64LittleEndian(information);
        return Refusals.TryGetValue((uint)informationClass, out int error) ? error : WindowsError.None;
    }

    public string? FinalPath(uint kind) => Final;
}
