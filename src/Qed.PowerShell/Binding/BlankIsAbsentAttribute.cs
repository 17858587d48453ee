using System;
using System.Linq;
using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>
/// Takes a blank value for one that was not given: an empty cell of a table means nothing, where PowerShell would make
/// it a size of 0, say. Every parameter that takes a value has it, and is null until it is given one.
/// </summary>
internal sealed class BlankIsAbsentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        if (inputData is null || IsBlank(inputData))
            return null;
        if (Plain(inputData) is not object[] list || !list.Any(IsBlank))
            return inputData;
        object[] given = list.Where(item => !IsBlank(item)).ToArray();
        return given.Length == 0 ? null : given;
    }

    /// <summary>Whether a value says nothing.</summary>
    internal static bool IsBlank(object? value)
        => value is null || Plain(value) is DBNull || (Plain(value) is string text && string.IsNullOrWhiteSpace(text));

    private static object Plain(object value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
