using System.Globalization;

namespace Qed;

/// <summary>Values as messages and files show them, in whatever language the user works.</summary>
internal static class Invariant
{
    /// <summary>A number in decimal digits.</summary>
    internal static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
