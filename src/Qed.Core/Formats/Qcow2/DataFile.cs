using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Opens the file in which an image keeps its guest's data. The name comes from an untrusted file and could stand for
/// any file of the host, whose contents the copy would then hold: without the user's word it is not opened.
/// </summary>
internal static class DataFile
{
    /// <exception cref="DiskImageException">BackingFileRefused, BackingFileMissing, UnsupportedFeature where no name is stored, or there are no further files.</exception>
    internal static BlockStorage Open(BlockStorage image, Qcow2Header header, ImageOpenOptions options)
    {
        string name = header.DataFileName ?? throw new DiskImageException(
            ErrorKind.UnsupportedFeature, "the image keeps its data in another file, and does not say in which", image.Path);
        if (StoredName.IsPseudoProtocol(name))
            throw Refused($"the data file name is a json: description or a protocol, which are not opened: {name}", image, null);
        if (!options.AllowExternalData)
            throw Refused($"the image keeps its data in another file, which is not opened without consent: {name}", image, new(RemedyKind.AllowExternalData));
        string path = StoredName.TryResolve(name, image.Path, out string? fault) ?? throw Refused($"the data file name {fault}: {name}", image, null);
        try
        {
            return options.RequireCompanions(name, image).Open(path);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageNotFound)
        {
            throw new DiskImageException(ErrorKind.BackingFileMissing, $"the data file '{path}' does not exist", image.Path, error);
        }
    }

    private static DiskImageException Refused(string rule, BlockStorage image, Remedy? remedy)
        => new(ErrorKind.BackingFileRefused, rule, image.Path) { Structure = "external data file name", Remedy = remedy };
}
