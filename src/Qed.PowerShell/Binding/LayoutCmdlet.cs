using System.Management.Automation;
using Qed.PowerShell.Completion;

namespace Qed.PowerShell.Binding;

/// <summary>The base of the cmdlets that make new images, or tell what one would take: how such an image is laid out.</summary>
public abstract class LayoutCmdlet : ImageCmdlet
{
    /// <summary>How the new image uses space.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("VHDType")]
    [BlankIsAbsent]
    [SubformatText]
    public Subformat? Subformat { get; set; }

    /// <summary>Bytes in a cluster of the new image, a power of two; the format's default otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("BlockSizeBytes")]
    [ArgumentCompleter(typeof(ClusterSizeCompleter))]
    [BlankIsAbsent]
    public ulong? ClusterSizeBytes { get; set; }

    /// <summary>Clusters in a table of the new image, a power of two; the format's default otherwise.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(TableSizeCompleter))]
    [BlankIsAbsent]
    public int? TableSize { get; set; }

    private protected long? ClusterSize => SizeArgument.ToClusterSize(ClusterSizeBytes);
}
