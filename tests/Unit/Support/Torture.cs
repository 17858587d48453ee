using System;
using System.Globalization;

namespace Qed.Tests.Support;

/// <summary>How many more cases than in CI are tried by those tests that can try any number of them, and take a process for each.</summary>
internal static class Torture
{
    /// <summary>The value of the trait "Category" of such tests.</summary>
    internal const string Category = "Kills";

    /// <summary>1, unless the variable QED_KILLS says more.</summary>
    internal static int Factor { get; } = int.TryParse(Environment.GetEnvironmentVariable("QED_KILLS"), NumberStyles.None, CultureInfo.InvariantCulture, out int factor) && factor > 0 ? factor : 1;
}
