namespace Qed.Storage.Windows;

/// <summary>Windows' calls on names of files. Each gives the system's error, zero for none.</summary>
internal interface IWindowsNames
{
    /// <summary>Gives a file another name in the same folder, and returns once that is on the disk.</summary>
    /// <param name="from">Its full path.</param>
    /// <param name="to">Its new one.</param>
    /// <param name="replace">Whether it takes the place of a file of that name.</param>
    int Move(string from, string to, bool replace);

    /// <summary>Removes a file.</summary>
    int Delete(string path);

    /// <summary>The attributes of what has a name; null where nothing has it.</summary>
    /// <remarks>What there is no access to is there all the same, and has none.</remarks>
    uint? AttributesOf(string path);
}
