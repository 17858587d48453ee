using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>
/// Keeps rows of a table from being taken for a path as a whole. PowerShell would make text of a row where another of
/// its columns, DestinationPath say, is a parameter too; refused here, it goes on to bind the row's columns.
/// </summary>
internal sealed class PathTextAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] PathColumns = ["Path", "LiteralPath", "PSPath", "FullName", "LP"];

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        // These stand for their path.
        if (PSObject.AsPSObject(inputData).BaseObject is string or FileSystemInfo or ImageInfo or CheckReport or ComparisonResult or ImageMeasure)
            return inputData;
        if (!PathColumns.Any(name => PSObject.AsPSObject(inputData).Properties[name] is not null))
            return inputData;
        var reason = new PSInvalidCastException("An object with a path among its properties is not itself a path.");
        throw new ArgumentTransformationMetadataException(reason.Message, reason);
    }
}
