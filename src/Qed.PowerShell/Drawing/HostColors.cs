using System;
using System.Management.Automation.Host;
using System.Reflection;

namespace Qed.PowerShell.Drawing;

/// <summary>Whether a host shows colours that are written as control sequences.</summary>
internal static class HostColors
{
    /// <summary>Asks the host, and what users set where they want none: NO_COLOR, and $PSStyle.OutputRendering.</summary>
    internal static bool AreShown(PSHost host)
    {
        // Members of PowerShell 7 that the standard this module is built against does not have.
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")))
            return false;
        bool canShow = host.UI?.GetType().GetProperty("SupportsVirtualTerminal")?.GetValue(host.UI) is true;
        Type? style = typeof(PSHost).Assembly.GetType("System.Management.Automation.PSStyle");
        object? instance = style?.GetProperty("Instance", BindingFlags.Public | BindingFlags.Static)?.GetValue(null);
        object? rendering = style?.GetProperty("OutputRendering")?.GetValue(instance);
        return canShow && rendering?.ToString() != "PlainText" && !Console.IsOutputRedirected;
    }
}
