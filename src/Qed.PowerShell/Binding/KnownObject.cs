using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>
/// A kind of object that names an image without being a row of a table: a file, a result of this module, a text. Such an
/// object gives its path alone. What else it says of itself is no parameter, also where one has its name: the Format of an
/// image that is to be converted, say, or the Length of its file.
/// </summary>
internal sealed class KnownObject
{
    private static readonly KnownObject[] All =
    [
        Result(typeof(ImageInfo), nameof(ImageInfo.BackingFullPath)),
        Result(typeof(CheckReport), nameof(CheckReport.FragmentedClusters)),
        Result(typeof(ComparisonResult), nameof(ComparisonResult.DifferingBytes)),
        Result(typeof(ImageMeasure), nameof(ImageMeasure.FullyAllocatedSize)),
        Result(typeof(ImageHash), nameof(ImageHash.Hash)),
        Result(typeof(ImageExtent), nameof(ImageExtent.HostOffset)),
        Result(typeof(ServedImage), nameof(ServedImage.ExportName)),
        new("System.IO.FileSystemInfo", "LastWriteTimeUtc", ["Length", "Mode"]),
        // Deserialised, only the names of classes that can be constructed are left.
        new("System.IO.FileInfo", "LastWriteTimeUtc", ["Length", "Mode"]),
        new("System.IO.DirectoryInfo", "LastWriteTimeUtc", ["Length", "Mode"]),
        new("System.String", null, ["Length"]),
        // Get-VHD's.
        new("Microsoft.Vhd.PowerShell.VirtualHardDisk", null, ["VhdFormat", "VhdType", "ParentPath", "LogicalSectorSize", "PhysicalSectorSize"]),
    ];

    private static readonly Dictionary<string, KnownObject> ByTypeName = All
        .SelectMany(kind => new[] { string.Empty, "Deserialized.", "CSV:" }.Select(prefix => (Name: prefix + kind._typeName, Kind: kind)))
        .ToDictionary(entry => entry.Name, entry => entry.Kind, StringComparer.Ordinal);

    private readonly string _typeName;
    private readonly string? _telling;
    private readonly HashSet<string> _members;

    private KnownObject(string typeName, string? telling, IEnumerable<string> members)
    {
        _typeName = typeName;
        _telling = telling;
        _members = new HashSet<string>(members, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The kind of an object; null for a row of a table.</summary>
    internal static KnownObject? Of(PSObject value)
    {
        foreach (string name in value.TypeNames)
        {
            if (ByTypeName.TryGetValue(name, out KnownObject? kind))
                return kind;
        }

        // Exported to a file that keeps no types, it still has all of its members. No list that people make has a PSPath.
        return value.Properties["PSPath"] is null ? null
            : All.FirstOrDefault(kind => kind._telling is not null && value.Properties[kind._telling] is not null);
    }

    /// <summary>Whether an object is a folder.</summary>
    internal static bool IsFolder(PSObject value)
        => value.BaseObject is DirectoryInfo || value.TypeNames.Contains("Deserialized.System.IO.DirectoryInfo");

    /// <summary>The path that an object stands for where a text is wanted, in the form that is always taken literally; null where it stands for none.</summary>
    internal static string? PathOf(PSObject value) => value.BaseObject switch
    {
        FileSystemInfo file => ProviderPath.Of(file.FullName),
        // A run of an image's disk is no name of the image.
        ImageExtent => null,
        ImageResult result => result.PSPath,
        _ => value.TypeNames.Any(name => name.StartsWith("Deserialized.", StringComparison.Ordinal)) && Of(value) is not null
            ? value.Properties["PSPath"]?.Value as string
            : null,
    };

    /// <summary>Whether objects of this kind have a member of a name themselves, which therefore is no column.</summary>
    internal bool HasMember(string name) => _members.Contains(name);

    private static KnownObject Result(Type type, string telling) => new(type.FullName!, telling, type.GetProperties().Select(property => property.Name));
}
