using System.Management.Automation;

namespace Qed.PowerShell.Binding;

/// <summary>Bounds a number that need not be given. PowerShell's own ValidateRange refuses what is absent.</summary>
internal sealed class BoundsAttribute(long least, long most) : ValidateArgumentsAttribute
{
    /// <inheritdoc/>
    protected override void Validate(object? arguments, EngineIntrinsics engineIntrinsics)
    {
        if (arguments is null || (LanguagePrimitives.TryConvertTo(arguments, out long value) && value >= least && value <= most))
            return;
        throw new ValidationMetadataException(most == long.MaxValue
            ? $"The value {arguments} is less than the least that works, {least}."
            : $"The value {arguments} is not in the range from {least} to {most}.");
    }
}
