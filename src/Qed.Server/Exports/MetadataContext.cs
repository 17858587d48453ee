using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Server.Exports;

/// <summary>Something that block status tells of each extent: the NBD specification, "Metadata querying".</summary>
internal sealed class MetadataContext
{
    private const uint Hole = 1;
    private const uint ReadsAsZero = 2;

    private readonly Func<MappedExtent, uint> _flags;

    private MetadataContext(uint number, string name, Func<MappedExtent, uint> flags)
    {
        Number = number;
        Name = name;
        _flags = flags;
    }

    /// <summary>Whether there is data: the specification's own context.</summary>
    internal static MetadataContext Allocation { get; } = new(1, "base:allocation", extent => extent.Kind == ExtentKind.Data ? 0 : Hole | ReadsAsZero);

    /// <summary>Which image of the chain holds it: 1 for the export's own, 2 for its backing file's, 0 for none.</summary>
    internal static MetadataContext Depth { get; } = new(2, "qed:allocation-depth", DepthOf);

    /// <summary>The same by the name that qemu-nbd has for it, and qemu-img and nbdinfo know.</summary>
    internal static MetadataContext DepthForQemu { get; } = new(3, "qemu:allocation-depth", DepthOf);

    internal static IReadOnlyList<MetadataContext> All { get; } = [Allocation, Depth, DepthForQemu];

    /// <summary>What a client calls it by.</summary>
    internal string Name { get; }

    /// <summary>What replies call it by.</summary>
    internal uint Number { get; }

    /// <summary>What is told of an extent.</summary>
    internal uint FlagsOf(MappedExtent extent) => _flags(extent);

    /// <summary>The contexts that a client's question is about: one by its whole name, or all of a name space by that and a colon.</summary>
    internal static IEnumerable<MetadataContext> Matching(string query, bool mayBeGroup)
        => All.Where(context => context.Name == query || (mayBeGroup && query.Length > 0 && query[query.Length - 1] == ':' && context.Name.StartsWith(query, StringComparison.Ordinal)));

    private static uint DepthOf(MappedExtent extent) => extent.Kind == ExtentKind.Unallocated ? 0 : (uint)extent.Depth + 1;
}
