using System.Management.Automation;
using Qed.Operations;

namespace Qed;

/// <summary>How much room a conversion of an image to a format needs.</summary>
public sealed class ImageMeasure : ImageResult
{
    private readonly MeasureResult _measure;

    internal ImageMeasure(MeasureResult measure) => _measure = measure;

    /// <summary>Full path of the image that would be converted.</summary>
    public override string Path => _measure.Path;

    /// <summary>Short name of the target's format.</summary>
    public string Format => _measure.Format;

    /// <summary>Variant of the target's format.</summary>
    public Subformat Subformat => _measure.Subformat;

    /// <summary>Bytes of the target's disk: the source's, padded to what the format demands.</summary>
    public ulong Size => (ulong)_measure.Size;

    /// <summary>Bytes that the target's file needs, or all its files together.</summary>
    public ulong FileSize => (ulong)_measure.FileSize;

    /// <summary>Bytes of that file if the whole disk were data.</summary>
    public ulong FullyAllocatedSize => (ulong)_measure.FullyAllocatedSize;

    /// <summary>Whether a conversion gives exactly that file size; else it may be smaller, and never larger.</summary>
    public bool IsExact => _measure.IsExact;

    /// <summary>The format, and its variant where it is not the default one.</summary>
    [Hidden]
    public string FormatText => Subformat == Subformat.Dynamic ? Format : $"{Format} {Subformat}";

    /// <summary>See <see cref="Size"/>.</summary>
    [Hidden]
    public string SizeText => ByteSize.Format(Size);

    /// <summary>See <see cref="FileSize"/>.</summary>
    [Hidden]
    public string NeedsText => IsExact ? ByteSize.Format(FileSize) : "at most " + ByteSize.Format(FileSize);

    /// <summary>See <see cref="FullyAllocatedSize"/>.</summary>
    [Hidden]
    public string FullText => ByteSize.Format(FullyAllocatedSize);
}
