using System.Globalization;

namespace Qed.Tool.Output;

/// <summary>Numbers as they are shown, in whatever language the user works.</summary>
internal static class Digits
{
    /// <summary>A number in decimal digits.</summary>
    internal static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
