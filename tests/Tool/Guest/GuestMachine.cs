using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Qed.Tests.Support;

namespace Qed.Tests.Tool.Guest;

/// <summary>A machine that QEMU emulates, with a kernel of Debian's and no disk but the one that is served to it.</summary>
internal sealed class GuestMachine : IDisposable
{
    private const string Emulator = "qemu-system-x86_64";

    private readonly Process _process;

    /// <param name="folder">Where its files go.</param>
    /// <param name="socket">Where its disk is served.</param>
    /// <param name="arguments">What its kernel is told.</param>
    internal GuestMachine(TempFolder folder, string socket, string arguments)
    {
        string initrd = folder["initrd.gz"];
        if (!File.Exists(initrd))
            InitialFiles.Write(initrd, Directory.GetFiles(Files!, "virtio*.ko", SearchOption.AllDirectories), File.ReadAllText(Path.Combine(Pester.Repository.Root, "tests", "Tool", "Guest", "init.sh")));
        _process = Process.Start(new ProcessStartInfo(Emulator,
        [
            "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-m", "256", "-M", "q35", "-accel", "tcg", "-cpu", "max",
            "-kernel", Kernel!, "-initrd", initrd, "-append", "console=ttyS0 panic=-1 quiet " + arguments,
            "-drive", $"if=none,id=d,format=raw,discard=unmap,file.driver=nbd,file.server.type=unix,file.server.path={socket}", "-device", "virtio-blk-pci,drive=d",
        ]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
    }

    /// <summary>Why there can be none; null where there can.</summary>
    internal static string? WhyMissing
        => Kernel is null ? "there is no kernel for a guest: ./build.ps1 Guest fetches one"
            : Qemu.TryRun(Emulator, ["--version"]) is null ? $"{Emulator} is not installed (Debian package qemu-system-x86)"
            : !File.Exists("/bin/busybox") ? "busybox is not installed (Debian package busybox-static)"
            : !File.Exists("/usr/sbin/mkfs.ext4") ? "mkfs.ext4 is not installed (Debian package e2fsprogs)"
            : null;

    /// <summary>Debian's package with the kernel, unpacked.</summary>
    private static string? Files => Environment.GetEnvironmentVariable("QED_GUEST");

    private static string? Kernel => Directory.Exists(Files) ? Directory.GetFiles(Files, "vmlinuz-*", SearchOption.AllDirectories).FirstOrDefault() : null;

    /// <summary>The next line of what the guest has to say to its host; null when it has ended.</summary>
    internal string? ReadLine()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line.IndexOf("QED-", StringComparison.Ordinal) is >= 0 and int start)
                return line[(start + 4)..].Trim();
        }

        return null;
    }

    /// <summary>Lets the guest go on that waits.</summary>
    internal void GoOn() => _process.StandardInput.WriteLine();

    /// <summary>Waits until the guest has switched its machine off.</summary>
    internal void WaitForEnd() => _process.WaitForExit();

    /// <summary>Pulls the plug.</summary>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
