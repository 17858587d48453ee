using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>
/// Makes paths of texts and of objects that say which path is meant, and of nothing else. PowerShell would make text of
/// any object, and a new image of the name <c>@{Name=disk; Size=1}</c> of a row.
/// </summary>
internal sealed class PathTextAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] PathColumns = ["PSPath", "Path", "LiteralPath", "FullName", "LP"];

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => inputData is null ? null
            : (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is IEnumerable list and not string and not IDictionary ? Texts(list)
            : new[] { Text(PSObject.AsPSObject(inputData)) };

    private static string?[] Texts(IEnumerable list)
    {
        var texts = new List<string?>();
        foreach (object? item in list)
            texts.Add(item is null ? null : Text(PSObject.AsPSObject(item)));
        return texts.ToArray();
    }

    private static string? Text(PSObject value)
    {
        if (value.BaseObject is string text)
            return text;
        if (KnownObject.PathOf(value) is { } path)
            return path;
        PSPropertyInfo column = PathColumns.Select(name => value.Properties[name]).FirstOrDefault(found => found is not null) ?? throw Refused(value);
        return column.Value is null or string ? (string?)column.Value : throw Refused(value);
    }

    private static ArgumentTransformationMetadataException Refused(PSObject value)
    {
        string kind = value.BaseObject is PSCustomObject
            ? "An object with the properties " + string.Join(", ", value.Properties.Select(property => property.Name).Take(8))
            : $"An object of the type {value.BaseObject.GetType().FullName}";
        return new ArgumentTransformationMetadataException(
            kind + " does not say which image is meant. Give a path, a file, or an object with a property Path, LiteralPath, FullName or PSPath.");
    }
}
