using Qed.Storage;

namespace Qed.Formats;

/// <summary>Where an image finds the further files that it names, for what the image itself was opened for.</summary>
internal interface ICompanionFiles
{
    /// <summary>Opens a file of the folder in which the image lies.</summary>
    /// <param name="name">A bare name.</param>
    /// <returns>Null where the name is a link that leads out of the folder.</returns>
    /// <exception cref="DiskImageException">ImageNotFound, and what opening a file throws.</exception>
    BlockStorage? OpenBeside(string name);

    /// <summary>Opens a file wherever it lies.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="DiskImageException">ImageNotFound, and what opening a file throws.</exception>
    BlockStorage Open(string path);
}
