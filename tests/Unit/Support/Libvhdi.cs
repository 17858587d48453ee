using System;
using System.IO;
using System.Linq;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>libvhdi's Python module: an independent reader of VHD and VHDX, also of differencing images.</summary>
internal static class Libvhdi
{
    // Small pieces: libvhdi 20210425 returns the parent's bytes where one read spans several blocks of a child.
    private const string ReadChain = """
        import sys, pyvhdi
        images = []
        for path in sys.argv[2:]:
            image = pyvhdi.file()
            image.open(path)
            images.append(image)
        for child, parent in zip(images, images[1:]):
            child.set_parent(parent)
        top = images[0]
        with open(sys.argv[1], "wb") as out:
            size = top.get_media_size()
            for offset in range(0, size, 1 << 16):
                out.write(top.read_buffer_at_offset(min(1 << 16, size - offset), offset))
        """;

    // Debian's module belongs to Debian's interpreter, which need not be the first on the path.
    private static readonly Lazy<string?> Python = new(() => new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(HasModule));

    internal static void Require() => Assert.SkipUnless(Python.Value is not null, "libvhdi's Python module is not installed (Debian package python3-libvhdi)");

    /// <summary>The contents of an image that rests on the ones behind it.</summary>
    internal static byte[] ReadAll(TempFolder folder, params string[] chain)
    {
        Require();
        string output = folder[$"libvhdi-{Guid.NewGuid():N}.raw"];
        Qemu.Result result = Qemu.Run(Python.Value!, ["-c", ReadChain, output, .. chain]);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return File.ReadAllBytes(output);
    }

    private static bool HasModule(string python) => Qemu.TryRun(python, ["-c", "import pyvhdi"]) is { ExitCode: 0 };
}
