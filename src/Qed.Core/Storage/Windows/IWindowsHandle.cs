using System;

namespace Qed.Storage.Windows;

/// <summary>An open file, volume or disk of Windows, by those calls that file systems answer differently. Each gives the system's error, zero for none.</summary>
internal interface IWindowsHandle
{
    /// <summary>Has the file system or device do something (DeviceIoControl).</summary>
    /// <param name="code">What.</param>
    /// <param name="input">What it needs to know.</param>
    /// <param name="output">Receives the answer.</param>
    /// <param name="returned">Bytes of the answer.</param>
    int Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returned);

    /// <summary>Asks for information (GetFileInformationByHandleEx).</summary>
    int Query(int informationClass, Span<byte> information);

    /// <summary>Asks for what every file system tells (GetFileInformationByHandle).</summary>
    int QueryBasics(Span<byte> information);

    /// <summary>Sets information (SetFileInformationByHandle).</summary>
    int Set(int informationClass, ReadOnlySpan<byte> information);

    /// <summary>The full path that the file really has (GetFinalPathNameByHandle); null where there is none.</summary>
    /// <param name="kind">Zero with a drive, one with the volume's identifier, two with the volume's device.</param>
    string? FinalPath(uint kind);
}
