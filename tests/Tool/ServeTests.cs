using System;
using System.Diagnostics;
using System.IO;
using Qed.Tests.Support;
using Qed.Tool;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary><c>qed serve</c>, which has qemu-nbd's options, as a process that QEMU is a client of.</summary>
public sealed class ServeTests
{
    [Fact]
    public void It_serves_until_a_signal_and_leaves_a_sound_image()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        using Process process = Start(folder, "-f", "qed", "-k", "socket", "-t", "-e", "4", "--pid-file", "pid", "disk.qed");
        string line = process.StandardOutput.ReadLine()!;
        Assert.Equal($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", line);
        Assert.Equal(Qemu.Text(process.Id), File.ReadAllText(folder["pid"]).Trim());
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        Qemu.Run("kill", "-TERM", Qemu.Text(process.Id));
        process.WaitForExit();
        Assert.Equal((0, string.Empty), (process.ExitCode, process.StandardError.ReadToEnd()));
        Assert.Equal([folder["disk.qed"]], Directory.GetFiles(folder.Path));
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M"]);
        Qemu.AssertSound(folder["disk.qed"]);
    }

    [Fact]
    public void A_server_that_is_killed_leaves_what_was_flushed_and_the_next_one_goes_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        string uri = $"nbd+unix:///?socket={folder["socket"]}";
        using (Process process = Start(folder, "-k", "socket", "-t", "-q", "disk.qed"))
        {
            WaitFor(folder["socket"], process);
            Qemu.IoOk(uri, "raw", ["write -P 1 1M 1M", "flush", "write -P 2 3M 1M"]);
            process.Kill();
            process.WaitForExit();
        }

        using (Process process = Start(folder, "-k", "socket", "disk.qed"))
        {
            Assert.StartsWith("Serving", process.StandardOutput.ReadLine(), StringComparison.Ordinal);
            Qemu.IoOk(uri, "raw", ["read -P 1 1M 1M", "write -P 3 5M 64k"]);
            // It ends with its last client.
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        }

        Assert.False(File.Exists(folder["socket"]));
        Assert.Equal(0, Qemu.Img("check", "-f", "qed", folder["disk.qed"]).ExitCode & ~3);
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M", "read -P 3 5M 64k"]);
    }

    [Fact]
    public void A_service_managers_socket_is_taken_over_and_stays_its_own()
    {
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        Assert.SkipUnless(Qemu.TryRun("systemd-socket-activate", ["--version"]) is not null, "systemd-socket-activate is not installed (Debian package systemd)");
        using Process process = Start("systemd-socket-activate", folder, "-l", folder["socket"], "dotnet", "exec", typeof(QedCommand).Assembly.Location, "serve", "disk.qed");
        WaitFor(folder["socket"], process);
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        Assert.StartsWith($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", process.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.True(File.Exists(folder["socket"]));
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M"]);
    }

    [Theory]
    [InlineData("serve", "Expecting image file name")]
    [InlineData("serve -k {d}/s -p 1 {d}/a.qed", "not on both")]
    [InlineData("serve -p 65536 {d}/a.qed", "Invalid --port '65536'")]
    [InlineData("serve -e 0 {d}/a.qed", "Invalid --shared '0'")]
    [InlineData("serve -b nowhere {d}/a.qed", "'nowhere' is no address")]
    [InlineData("serve -k {d}/s -o 2M {d}/a.qed", "lies outside the disk")]
    [InlineData("serve -k {d}/s -x x {d}/a.qed {d}/b.qed", "is for one image")]
    [InlineData("serve -k {d}/s {d}/a.qed {d}/./a.qed", "the same name")]
    [InlineData("serve -k {d}/s -s --overlay {d}/o.qed {d}/a.qed", "thrown away")]
    [InlineData("serve -k {d}/a.qed {d}/b.qed", "has the name that the socket is to have")]
    [InlineData("serve -k {d}/s {d}/none.qed", "No such file or directory")]
    [InlineData("serve -k {d}/s {d}/v.vhdx", "only QED images are changed in place")]
    [InlineData("serve -k {d}/s --detect-zeroes=maybe {d}/a.qed", "detect_zeroes")]
    [InlineData("serve -k {d}/s --tls-certificates={d} {d}/a.qed", "has no server-cert.pem")]
    [InlineData("serve -k {d}/s --tls-verify-peer {d}/a.qed", "--tls-certificates")]
    [InlineData("serve --fork {d}/a.qed", "not supported")]
    public void What_cannot_be_served_is_refused_and_leaves_nothing(string line, string reason)
    {
        using var folder = new TempFolder();
        foreach (string name in new[] { "a.qed", "b.qed", "v.vhdx" })
            Invocation.Ours($"create -f {Path.GetExtension(name)[1..]} {{d}}/{name} 1M", folder.Path);
        string[] before = Directory.GetFiles(folder.Path);
        Qemu.Result result = Invocation.Ours(line, folder.Path);
        Assert.Equal((1, string.Empty), (result.ExitCode, result.Output));
        Assert.Contains(reason, result.Error, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(folder.Path));
    }

    private static void WaitFor(string path, Process process)
    {
        while (!File.Exists(path) && !process.HasExited)
            System.Threading.Thread.Sleep(10);
    }

    private static Process Start(TempFolder folder, params string[] arguments)
        => Start("dotnet", folder, ["exec", typeof(QedCommand).Assembly.Location, "serve", .. arguments]);

    private static Process Start(string program, TempFolder folder, params string[] arguments)
        => Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
}
