using System.Management.Automation;

namespace Qed;

/// <summary>A disk image that a server offers.</summary>
public sealed class ServedImage : ImageResult
{
    internal ServedImage(string path, string exportName, string address, ulong size, bool readOnly, string? overlayPath)
    {
        Path = path;
        ExportName = exportName;
        Address = address;
        Size = size;
        ReadOnly = readOnly;
        OverlayPath = overlayPath;
    }

    /// <summary>Full path of the image that is offered.</summary>
    public override string Path { get; }

    /// <summary>What clients ask for; empty for the one that they get who name none.</summary>
    public string ExportName { get; }

    /// <summary>The URI by which clients reach it, as QEMU, libnbd and nbdkit write it.</summary>
    public string Address { get; }

    /// <summary>The same as <see cref="Address"/>, for lists of these: arrays have a member of that name themselves.</summary>
    public string Uri => Address;

    /// <summary>Bytes of the disk that clients see.</summary>
    public ulong Size { get; }

    /// <summary>Whether clients only read.</summary>
    public bool ReadOnly { get; }

    /// <summary>The image that takes what clients write, where the one that is offered stays as it is and the writes are kept.</summary>
    public string? OverlayPath { get; }

    /// <summary>See <see cref="Size"/>.</summary>
    [Hidden]
    public string SizeText => ByteSize.Format(Size);

    /// <summary>What clients may do.</summary>
    [Hidden]
    public string AccessText => ReadOnly ? "read" : "read, write";
}
