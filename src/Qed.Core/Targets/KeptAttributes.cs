using System.Collections.Generic;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>Whose a file is, who may use it and what else the system has noted about it: for the one that replaces it.</summary>
internal abstract class KeptAttributes
{
    /// <summary>How many names the file has.</summary>
    internal abstract uint Names { get; }

    /// <summary>As what the new file is created, so that there is no moment at which more may use it than the old one.</summary>
    internal abstract NewFilePrivacy Privacy { get; }

    /// <summary>The attributes of a file that is open; null where they are not to be had.</summary>
    internal static KeptAttributes? Of(HostFile open)
        => HostPlatform.IsLinux ? KeptOnLinux.OfFile(open) : HostPlatform.IsWindows ? KeptOnWindows.OfFile(open) : null;

    /// <summary>Gives them to a new file that was created with <see cref="Privacy"/>.</summary>
    /// <returns>What could not be kept, in the user's words.</returns>
    internal abstract IReadOnlyList<string> GiveTo(HostFile open);
}
