using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>Owner, group, permissions and extended attributes of a file of Linux.</summary>
internal sealed class KeptOnLinux : KeptAttributes
{
    private const int PermissionBits = 0b111_111_111_111;
    private const int GroupBits = 0b111_000;
    private const int OthersBits = 0b111;
    private const int IdentityBits = 0b110_000_000_000;
    private const int LongestValue = 1 << 16;
    private const uint Unchanged = uint.MaxValue;
    private const string AccessList = "system.posix_acl_access";

    // What they say is true of the old contents only.
    private static readonly string[] OfTheContents = ["security.ima", "security.evm", "security.capability"];

    private readonly LinuxNative.FileStatus _status;
    private readonly List<(string Name, byte[] Value)> _extended = [];

    private KeptOnLinux(LinuxNative.FileStatus status) => _status = status;

    /// <inheritdoc/>
    internal override uint Names => _status.Links;

    /// <inheritdoc/>
    internal override NewFilePrivacy Privacy { get; } = new() { IsPrivate = true };

    /// <summary>The attributes of a file that is open; null where they are not to be had.</summary>
    internal static KeptOnLinux? OfFile(HostFile open)
    {
        SafeFileHandle file = open.Handle;
        if (LinuxStatus.Of(file) is not { } status)
            return null;
        var kept = new KeptOnLinux(status);
        foreach (string name in NamesOf(file).Except(OfTheContents))
        {
            if (ValueOf(file, name) is { } value)
                kept._extended.Add((name, value));
        }

        return kept;
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<string> GiveTo(HostFile open)
    {
        SafeFileHandle file = open.Handle;
        var lost = new List<string>();
        int mode = _status.Mode & PermissionBits;
        if (LinuxNative.FChOwn(file, _status.User, _status.Group) != 0 && !HasOwnerOf(file))
        {
            lost.Add("owner");
            mode &= ~IdentityBits;
            if (LinuxNative.FChOwn(file, Unchanged, _status.Group) != 0 && !HasGroupOf(file))
            {
                lost.Add("group");
                mode = WithoutGroup(mode);
            }
        }

        foreach ((string name, byte[] value) in _extended)
        {
            if (LinuxNative.FSetXAttr(file, LinuxNative.NullTerminated(name), value, value.Length, 0) == 0)
                continue;
            lost.Add($"extended attribute {name}");
            // In the mode of a file with a list of its own, the bits of the group say what that list allows at most.
            if (name == AccessList)
                mode = WithoutGroup(mode);
        }

        if (LinuxNative.FChMod(file, (uint)mode) != 0 && LinuxStatus.Of(file) is { } status && (status.Mode & PermissionBits) != mode)
            lost.Add("permissions");
        return lost;
    }

    /// <summary>Whoever is in a group that the file no longer has may do what everybody may, and nobody else more.</summary>
    private static int WithoutGroup(int mode) => (mode & ~GroupBits) | ((mode & OthersBits) << 3 & mode);

    private bool HasOwnerOf(SafeFileHandle file) => LinuxStatus.Of(file) is { } status && status.User == _status.User && status.Group == _status.Group;

    private bool HasGroupOf(SafeFileHandle file) => LinuxStatus.Of(file) is { } status && status.Group == _status.Group;

    private static string[] NamesOf(SafeFileHandle file)
    {
        byte[] names = new byte[LongestValue];
        nint length = LinuxNative.FListXAttr(file, names, names.Length);
        return length <= 0 ? [] : Encoding.UTF8.GetString(names, 0, (int)length).Split(['\0'], StringSplitOptions.RemoveEmptyEntries);
    }

    private static byte[]? ValueOf(SafeFileHandle file, string name)
    {
        byte[] value = new byte[LongestValue];
        nint length = LinuxNative.FGetXAttr(file, LinuxNative.NullTerminated(name), value, value.Length);
        return length < 0 ? null : value.AsSpan(0, (int)length).ToArray();
    }
}
