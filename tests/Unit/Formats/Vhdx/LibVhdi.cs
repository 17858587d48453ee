using System;
using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>libvhdi, the independent reader that knows differencing images; through its Python binding.</summary>
internal static class LibVhdi
{
    // Reads an image, whose parents follow it on the command line, and writes its bytes to a file.
    private const string Script =
        """
        import sys, pyvhdi
        images = []
        for path in sys.argv[2:]:
            image = pyvhdi.file()
            image.open(path)
            images.append(image)
        for child, parent in zip(images, images[1:]):
            child.set_parent(parent)
        with open(sys.argv[1], 'wb') as out:
            left = images[0].get_media_size()
            while left > 0:
                data = images[0].read_buffer(min(left, 1 << 20))
                out.write(data)
                left -= len(data)
        """;

    private static readonly Lazy<string?> Python = new(() => new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(CanImport));

    internal static void Require()
        => Assert.SkipUnless(Python.Value is not null, "pyvhdi is not installed (Debian package python3-libvhdi)");

    /// <summary>The guest's bytes as libvhdi sees them.</summary>
    internal static byte[] ReadAll(TempFolder folder, params string[] imageAndParents)
    {
        string output = folder[Path.GetRandomFileName()];
        Qemu.Result result = Qemu.Run(Python.Value!, ["-c", Script, output, .. imageAndParents]);
        Assert.True(result.ExitCode == 0, result.Error);
        return File.ReadAllBytes(output);
    }

    private static bool CanImport(string python)
        => File.Exists(python) == Path.IsPathRooted(python) && RunsSilently(python);

    private static bool RunsSilently(string python)
    {
        try
        {
            return Qemu.Run(python, "-c", "import pyvhdi").ExitCode == 0;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
