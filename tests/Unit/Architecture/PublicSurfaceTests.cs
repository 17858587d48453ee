using System.Linq;
using Qed.Images;
using Xunit;

namespace Qed.Tests.Architecture;

/// <summary>
/// What programs in C# may rely on, the front ends among them. Whatever is added here has to be kept: what nobody outside
/// needs is internal.
/// </summary>
public sealed class PublicSurfaceTests
{
    private static readonly string[] Names =
    [
        "Qed.ByteRange",
        "Qed.ByteSize",
        "Qed.CheckIssueKind",
        "Qed.CheckResult",
        "Qed.CheckStatus",
        "Qed.DiskImageException",
        "Qed.ErrorKind",
        "Qed.ExtentKind",
        "Qed.FormatProperty",
        "Qed.ImageIssue",
        "Qed.Images.DiskImage",
        "Qed.Images.WritableDiskImage",
        "Qed.MappedExtent",
        "Qed.MergedOverlay",
        "Qed.OperationProgress",
        "Qed.Operations.CallbackLogger",
        "Qed.Operations.ChangeResult",
        "Qed.Operations.CheckImage",
        "Qed.Operations.CheckImageOptions",
        "Qed.Operations.CompareImages",
        "Qed.Operations.CompareImagesOptions",
        "Qed.Operations.CompareResult",
        "Qed.Operations.ConvertImage",
        "Qed.Operations.ConvertImageOptions",
        "Qed.Operations.ConvertResult",
        "Qed.Operations.CreateImage",
        "Qed.Operations.CreateImageOptions",
        "Qed.Operations.DescribeImage",
        "Qed.Operations.DescribeImageOptions",
        "Qed.Operations.DetachImage",
        "Qed.Operations.DetachImageOptions",
        "Qed.Operations.DiagnosticLevel",
        "Qed.Operations.Foresight",
        "Qed.Operations.FormatInfo",
        "Qed.Operations.HashImage",
        "Qed.Operations.HashImageOptions",
        "Qed.Operations.HashResult",
        "Qed.Operations.ImageDescription",
        "Qed.Operations.ImageTurns",
        "Qed.Operations.MapImage",
        "Qed.Operations.MapImageOptions",
        "Qed.Operations.MeasureImage",
        "Qed.Operations.MeasureImageOptions",
        "Qed.Operations.MeasureResult",
        "Qed.Operations.MergeImage",
        "Qed.Operations.MergeImageOptions",
        "Qed.Operations.MergeResult",
        "Qed.Operations.NamedPipeStream",
        "Qed.Operations.OpenImage",
        "Qed.Operations.OpenImageOptions",
        "Qed.Operations.OptimizeImage",
        "Qed.Operations.OptimizeImageOptions",
        "Qed.Operations.OptimizeResult",
        "Qed.Operations.ReadContent",
        "Qed.Operations.ReadContentOptions",
        "Qed.Operations.RepairImage",
        "Qed.Operations.RepairImageOptions",
        "Qed.Operations.RepairResult",
        "Qed.Operations.ResizeImage",
        "Qed.Operations.ResizeImageOptions",
        "Qed.Operations.SetBackingFile",
        "Qed.Operations.SetBackingFileOptions",
        "Qed.Operations.UndoRepair",
        "Qed.Operations.UndoRepairOptions",
        "Qed.Operations.WriteContent",
        "Qed.Operations.WriteContentOptions",
        "Qed.OptimizeMode",
        "Qed.RawFallback",
        "Qed.Remedy",
        "Qed.RemedyKind",
        "Qed.RepairChange",
        "Qed.RepairMode",
        "Qed.StoredName",
        "Qed.Subformat",
        "Qed.UndoResult",
    ];

    [Fact]
    public void These_types_are_public_and_no_others()
        => Assert.Equal(Names, typeof(DiskImage).Assembly.GetExportedTypes().Select(type => type.FullName!).Order(System.StringComparer.Ordinal));
}
