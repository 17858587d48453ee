using System;
using System.Collections.Generic;

namespace Qed.Storage.Windows;

/// <summary>The volumes of a system of Windows.</summary>
internal interface IWindowsVolumes
{
    /// <summary>All of them, as <c>\\?\Volume{...}</c>.</summary>
    IReadOnlyList<string> All();

    /// <summary>Where one is mounted: drives and folders.</summary>
    IReadOnlyList<string> FoldersOf(string volume);

    /// <summary>Opens one for reading and writing.</summary>
    /// <returns>Null where the system refuses.</returns>
    IWindowsVolume? TryOpen(string volume);
}

/// <summary>An open volume: what is locked is free again once it is closed.</summary>
internal interface IWindowsVolume : IWindowsHandle, IDisposable
{
}
