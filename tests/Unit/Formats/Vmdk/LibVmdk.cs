using System;
using System.IO;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vmdk;

/// <summary>libvmdk, an independent reader of VMDK.</summary>
internal static class LibVmdk
{
    private const string Interpreter = "/usr/bin/python3";

    private const string Script = """
        import pyvmdk, sys
        target, paths = sys.argv[1], sys.argv[2:]
        handles = []
        for path in paths:
            handle = pyvmdk.handle()
            handle.open(path)
            handle.open_extent_data_files()
            if handles:
                handle.set_parent(handles[-1])
            handles.append(handle)
        disk = handles[-1]
        with open(target, 'wb') as file:
            left = disk.get_media_size()
            while left:
                data = disk.read_buffer(min(left, 1 << 20))
                file.write(data)
                left -= len(data)
        """;

    private static readonly Lazy<bool> IsThere = new(() => Qemu.TryRun(Interpreter, ["-c", "import pyvmdk"]) is { ExitCode: 0 });

    internal static bool IsInstalled => IsThere.Value;

    /// <summary>All bytes of a disk; of several images the last one, each resting on the one before.</summary>
    internal static byte[] ReadAll(TempFolder folder, params string[] images)
    {
        Assert.SkipUnless(IsInstalled, "pyvmdk is not installed (Debian package python3-libvmdk)");
        string target = folder[Guid.NewGuid().ToString("N") + ".bytes"];
        Qemu.Result result = Qemu.Run(Interpreter, ["-c", Script, target, .. images]);
        Assert.True(result.ExitCode == 0, result.Error);
        byte[] bytes = File.ReadAllBytes(target);
        File.Delete(target);
        return bytes;
    }
}
