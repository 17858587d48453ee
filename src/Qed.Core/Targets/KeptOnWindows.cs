using System.Collections.Generic;
using Qed.Storage;
using Qed.Storage.Windows;

namespace Qed.Targets;

/// <summary>
/// Access list and encryption of a file of Windows: a virtual machine of Hyper-V is let to its disk by name. Compression is
/// not kept, as Windows attaches no compressed disk, and neither are streams: they say what was true of the old contents.
/// </summary>
internal sealed class KeptOnWindows : KeptAttributes
{
    private KeptOnWindows(uint names, byte[]? accessList, bool isEncrypted)
    {
        Names = names;
        Privacy = new NewFilePrivacy { IsPrivate = true, AccessList = accessList, IsEncrypted = isEncrypted };
    }

    /// <inheritdoc/>
    internal override uint Names { get; }

    /// <inheritdoc/>
    internal override NewFilePrivacy Privacy { get; }

    /// <summary>The attributes of a file that is open.</summary>
    internal static KeptOnWindows OfFile(HostFile open)
    {
        var file = new WindowsHandle(open.Handle);
        uint attributes = WindowsFile.AttributesOf(file) ?? 0;
        return new KeptOnWindows(WindowsFile.NamesOf(file), AccessLists.Of(open.Place), (attributes & WindowsFile.Encrypted) != 0);
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<string> GiveTo(HostFile open)
    {
        var lost = new List<string>();
        // What it was created with lets nothing of the folder's list in; the old one may.
        if (Privacy.AccessList is { } list && !AccessLists.TryGive(open.Place, list))
            lost.Add("access list");
        if (Privacy.IsEncrypted && (WindowsFile.AttributesOf(new WindowsHandle(open.Handle)) is not { } attributes || (attributes & WindowsFile.Encrypted) == 0))
            lost.Add("encryption");
        return lost;
    }
}
