using Qed.Layout;
using Qed.Units;

namespace Qed.Engine;

/// <summary>What the tables say about a run of guest bytes.</summary>
/// <param name="Entry">A mark of <see cref="TableEntry"/>, or the host offset of the run's first byte.</param>
/// <param name="Length">Bytes of the run.</param>
internal readonly record struct MappedRun(ulong Entry, long Length)
{
    internal ExtentKind Kind => Entry switch
    {
        TableEntry.Unallocated => ExtentKind.Unallocated,
        TableEntry.Zero => ExtentKind.Zero,
        _ => ExtentKind.Data,
    };

    internal HostOffset HostOffset => new((long)Entry);
}
