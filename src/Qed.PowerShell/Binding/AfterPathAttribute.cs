using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>
/// Lets a text be bound as a path before it is bound as an object. Get-Content gives each line the properties of its file,
/// and PowerShell would go on to take the file's path from there.
/// </summary>
internal sealed class AfterPathAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        // Without its wrapper it needs a conversion, which PowerShell tries later, and which gives the same object.
        => inputData is PSObject { BaseObject: string text } ? text : inputData;
}
