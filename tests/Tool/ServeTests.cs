using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net.Sockets;
using Qed.Tests.Support;
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
        using var server = new ServerProcess(folder, "-f", "qed", "-k", "socket", "-t", "-e", "4", "--pid-file", "pid", "disk.qed");
        string line = server.ReadLine()!;
        Assert.Equal($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", line);
        Assert.Equal(Qemu.Text(server.Process.Id), File.ReadAllText(folder["pid"]).Trim());
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        Assert.Equal((0, string.Empty), server.Terminate());
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
        using (var server = new ServerProcess(folder, "-k", "socket", "-t", "-q", "disk.qed"))
        {
            server.WaitFor(folder["socket"]);
            Qemu.IoOk(uri, "raw", ["write -P 1 1M 1M", "flush", "write -P 2 3M 1M"]);
            server.Kill();
        }

        using (var server = new ServerProcess(folder, "-k", "socket", "disk.qed"))
        {
            Assert.StartsWith("Serving", server.ReadLine(), StringComparison.Ordinal);
            Qemu.IoOk(uri, "raw", ["read -P 1 1M 1M", "write -P 3 5M 64k"]);
            // It ends with its last client.
            Assert.Equal(0, server.End().ExitCode);
        }

        Assert.False(File.Exists(folder["socket"]));
        Assert.Equal(0, Qemu.Img("check", "-f", "qed", folder["disk.qed"]).ExitCode & ~3);
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M", "read -P 3 5M 64k"]);
    }

    /// <summary>A machine goes on from its old disk while that is copied, and the server is killed again and again.</summary>
    [Fact]
    public void An_overlay_comes_to_stand_alone_whenever_the_server_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        Qemu.Require();
        const int Size = 24 << 20;
        using var folder = new TempFolder();
        byte[] model = Patterns.Random(Size, 1);
        model.AsSpan(8 << 20, 4 << 20).Clear();
        File.WriteAllBytes(folder["base.raw"], model);
        Invocation.Ours("convert -f raw -O vmdk {d}/base.raw {d}/old.vmdk", folder.Path);
        string uri = $"nbd+unix:///?socket={folder["socket"]}";
        for (int round = 0; round < 3; round++)
        {
            int at = (1 + (7 * round)) << 20;
            using (var server = new ServerProcess(folder, "-k", "socket", "-t", "-q", "--overlay", "new.qed", "--stream", "--max-rate", "16M", "old.vmdk"))
            {
                server.WaitFor(folder["socket"]);
                Qemu.IoOk(uri, "raw", [$"write -P {round + 1} {at} 300k", $"discard {at + (2 << 20)} 256k", "flush", $"read -P {round + 1} {at} 300k"]);
            }

            model.AsSpan(at, 300 << 10).Fill((byte)(round + 1));
            model.AsSpan(at + (2 << 20), 256 << 10).Clear();
            File.Delete(folder["socket"]);
        }

        using (var server = new ServerProcess(folder, "-k", "socket", "-t", "--overlay", "new.qed", "--stream", "old.vmdk"))
        {
            Assert.StartsWith("Serving", server.ReadLine(), StringComparison.Ordinal);
            Assert.Equal($"'{folder["new.qed"]}' stands alone: 'old.vmdk' is not needed any more", server.ReadLine());
            File.Delete(folder["old.vmdk"]);
            Qemu.IoOk(uri, "raw", ["read -P 2 8M 300k"]);
            Assert.Equal(0, server.Terminate().ExitCode);
        }

        using (var server = new ServerProcess(folder, "-k", "socket", "--overlay", "new.qed", "--stream", "old.vmdk"))
        {
            Assert.StartsWith("Serving", server.ReadLine(), StringComparison.Ordinal);
            Qemu.IoOk(uri, "raw", ["read -P 3 15M 300k"]);
            server.End();
        }

        File.WriteAllBytes(folder["model.raw"], model);
        Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", folder["model.raw"], folder["new.qed"]);
        Qemu.Result check = Invocation.Ours("check {d}/new.qed", folder.Path);
        Assert.Equal(0, check.ExitCode);
    }

    [Fact]
    public void In_the_background_it_outlives_the_command_that_starts_it_and_says_what_is_wrong_before()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Windows has no such processes");
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        using (var failing = new ServerProcess(folder, "--fork", "-k", "socket", "none.qed"))
            Assert.Equal((1, $"qed: Could not open '{folder["none.qed"]}': No such file or directory.\n"), failing.End());
        using (var starter = new ServerProcess(folder, "--fork", "-t", "-k", "socket", "--pid-file", "pid", "disk.qed"))
        {
            Assert.Equal($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", starter.ReadLine());
            Assert.Null(starter.ReadLine());
            Assert.Equal((0, string.Empty), starter.End());
        }

        string pid = File.ReadAllText(folder["pid"]).Trim();
        try
        {
            Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
            // The session, and the streams, of nobody else.
            Assert.Equal(pid, File.ReadAllText($"/proc/{pid}/stat").Split(' ')[5]);
            foreach (string stream in new[] { "0", "1", "2" })
                Assert.Equal("/dev/null", File.ResolveLinkTarget($"/proc/{pid}/fd/{stream}", returnFinalTarget: false)!.FullName);
        }
        finally
        {
            Qemu.Run("kill", "-TERM", pid);
        }

        for (int i = 0; i < 3000 && Directory.Exists("/proc/" + pid); i++)
            System.Threading.Thread.Sleep(10);
        Assert.Equal([folder["disk.qed"]], Directory.GetFiles(folder.Path));
        Qemu.AssertSound(folder["disk.qed"]);
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M"]);
    }

    [Fact]
    public void What_a_server_offers_is_listed_as_qemu_nbd_lists_it()
    {
        Qemu.Require();
        Wine.CannotShow("there are no Unix sockets");
        using var folder = new TempFolder();
        foreach (string name in new[] { "one.qed", "two.qed" })
            Qemu.ImgOk("create", "-f", "qed", folder[name], "64M");
        using (var server = new ServerProcess(folder, "-t", "-e", "4", "-k", "socket", "one.qed", "two.qed"))
        {
            server.WaitFor(folder["socket"]);
            Compare();
        }

        File.Delete(folder["socket"]);
        // QEMU's own server, too.
        using (var server = ServerProcess.Within("qemu-nbd", folder, "-t", "-r", "-f", "qed", "-k", folder["socket"], "-x", "x", "-D", "text", "one.qed"))
        {
            server.WaitFor(folder["socket"]);
            Compare();
        }

        void Compare()
        {
            Qemu.Result theirs = Qemu.Run("qemu-nbd", "-L", "-k", folder["socket"]);
            Assert.Equal(0, theirs.ExitCode);
            Qemu.Result ours = Invocation.Ours("serve -L -k {d}/socket", folder.Path);
            Assert.Equal((0, theirs.Output), (ours.ExitCode, ours.Output));
        }
    }

    [Fact]
    public void A_service_managers_socket_is_taken_over_and_stays_its_own()
    {
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        Assert.SkipUnless(Qemu.TryRun("systemd-socket-activate", ["--version"]) is not null, "systemd-socket-activate is not installed (Debian package systemd)");
        using ServerProcess server = ServerProcess.Within("systemd-socket-activate", folder, "-l", folder["socket"], "dotnet", "exec", ServerProcess.Command, "serve", "disk.qed");
        server.WaitFor(folder["socket"]);
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        Assert.StartsWith($"Serving 'disk.qed' at nbd+unix:///?socket={folder["socket"]}", server.ReadLine(), StringComparison.Ordinal);
        Assert.Equal(0, server.End().ExitCode);
        Assert.True(File.Exists(folder["socket"]));
        Qemu.IoOk(folder["disk.qed"], "qed", ["read -P 1 1M 1M"]);
    }

    [Fact]
    public void Clients_that_the_system_has_no_descriptors_for_wait_until_others_leave()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The shell's ulimit lowers the limit");
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["disk.qed"], "64M");
        using var server = ServerProcess.Within(
            "sh", folder, "-c", "ulimit -n 150; exec \"$@\"", "sh", "dotnet", "exec", ServerProcess.Command, "serve", "-k", "socket", "-t", "-e", "1000", "disk.qed");
        Assert.StartsWith("Serving", server.ReadLine(), StringComparison.Ordinal);
        var clients = new List<Socket>();
        // As many as wait where the server lets nobody in.
        for (int i = 0; i < 200; i++)
        {
            clients.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
            clients[i].Connect(new UnixDomainSocketEndPoint(folder["socket"]));
        }

        Assert.Contains("No client can be let in", server.Process.StandardError.ReadLine(), StringComparison.Ordinal);
        clients.ForEach(client => client.Dispose());
        Qemu.IoOk($"nbd+unix:///?socket={folder["socket"]}", "raw", ["write -P 1 1M 1M", "read -P 1 1M 1M"]);
        (int exitCode, string error) = server.Terminate();
        Assert.Equal(0, exitCode);
        // Those that waited are let in one by one before their leaving is noticed, so that may have been so once more.
        Assert.All(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Contains("No client can be let in", line, StringComparison.Ordinal));
    }

    /// <summary>What scripts look for that try one port after the other.</summary>
    [Fact]
    public void An_address_that_is_taken_is_told_in_the_words_of_the_system()
    {
        using var folder = new TempFolder();
        foreach (string name in new[] { "a.qed", "b.qed" })
            Invocation.Ours($"create -f qed {{d}}/{name} 1M", folder.Path);
        using var atPort = new ServerProcess(folder, "-p", "0", "-t", "a.qed");
        string port = PortIn(atPort.ReadLine()!);
        Qemu.Result second = Invocation.Ours($"serve -p {port} {{d}}/b.qed", folder.Path);
        Assert.Equal((1, $"qed: Address already in use: somebody else listens at nbd://127.0.0.1:{port}/.\n"), (second.ExitCode, second.Error));
        if (OperatingSystem.IsWindows())
            return;
        using var atSocket = new ServerProcess(folder, "-k", "socket", "-t", "b.qed");
        Assert.StartsWith("Serving", atSocket.ReadLine(), StringComparison.Ordinal);
        File.WriteAllText(folder["c.raw"], "x");
        second = Invocation.Ours("serve -k {d}/socket -r -f raw {d}/c.raw", folder.Path);
        Assert.Equal((1, "qed: Could not open '{d}/socket': Address already in use: somebody else listens at this socket.\n"), (second.ExitCode, second.Error));
    }

    /// <summary>A command line of qemu-nbd, with what it has and we need not, and its client that knows depths by QEMU's name.</summary>
    [Fact]
    public void It_takes_the_options_of_qemu_nbd_and_tells_its_clients_which_image_has_what()
    {
        Qemu.Require();
        using var folder = new TempFolder();
        Qemu.ImgOk("create", "-f", "qed", folder["base.qed"], "4M");
        Qemu.IoOk(folder["base.qed"], "qed", ["write 0 2M"]);
        Qemu.ImgOk("create", "-f", "qed", "-b", folder["base.qed"], "-F", "qed", folder["disk.qed"]);
        Qemu.IoOk(folder["disk.qed"], "qed", ["write 1M 2M"]);
        using var server = new ServerProcess(folder, "-v", "-A", "-n", "--aio=threads", "-r", "--format=qed", "-b", "localhost", "-p", "0", "disk.qed");
        string line = server.ReadLine()!;
        Assert.StartsWith("Serving 'disk.qed' at nbd://127.0.0.1:", line, StringComparison.Ordinal);
        string map = Qemu.ImgOk("map", "--output=json", "--image-opts", $"driver=nbd,host=127.0.0.1,port={PortIn(line)},x-dirty-bitmap=qemu:allocation-depth");
        // What it makes of the depths 2, 1 and 0 for want of fields of its own.
        Assert.Equal(
            """
            [{ "start": 0, "length": 1048576, "depth": 0, "present": true, "zero": true, "data": true, "offset": 0},
            { "start": 1048576, "length": 2097152, "depth": 0, "present": false, "zero": false, "data": false},
            { "start": 3145728, "length": 1048576, "depth": 0, "present": true, "zero": false, "data": true, "offset": 3145728}]
            """.ReplaceLineEndings("\n"),
            map.TrimEnd());
        Assert.Contains("Client 1 connected", server.End().Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve", "Expecting image file name")]
    [InlineData("serve -k {d}/s -p 1 {d}/a.qed", "not on both")]
    [InlineData("serve -p 65536 {d}/a.qed", "Invalid --port '65536'")]
    [InlineData("serve -e 0 {d}/a.qed", "Invalid --shared '0'")]
    [InlineData("serve -b nowhere.invalid {d}/a.qed", "'nowhere.invalid' is no address")]
    [InlineData("serve --bind= {d}/a.qed", "'' is no address")]
    [InlineData("serve -k {d}/s -o 2M {d}/a.qed", "lies outside the disk")]
    [InlineData("serve -k {d}/s -x x {d}/a.qed {d}/b.qed", "is for one image")]
    [InlineData("serve -k {d}/s {d}/a.qed {d}/./a.qed", "the same name")]
    [InlineData("serve -k {d}/s -s --overlay {d}/o.qed {d}/a.qed", "thrown away")]
    [InlineData("serve -k {d}/s --stream {d}/a.qed", "into the image of --overlay")]
    [InlineData("serve -k {d}/s --max-rate 1M {d}/a.qed", "for --stream")]
    [InlineData("serve -k {d}/s --overlay {d}/v.vhdx --stream {d}/a.qed", "rests on")]
    [InlineData("serve -k {d}/s --overlay {d}/b.qed --stream {d}/a.qed", "has never rested on")]
    [InlineData("serve -k {d}/a.qed {d}/b.qed", "has the name that the socket is to have")]
    [InlineData("serve -k {d}/s {d}/none.qed", "No such file or directory")]
    [InlineData("serve -k {d}/s {d}/v.vhdx", "only QED images are changed in place")]
    [InlineData("serve -k {d}/s --detect-zeroes=maybe {d}/a.qed", "detect_zeroes")]
    [InlineData("serve -k {d}/s --tls-certificates={d} {d}/a.qed", "has no server-cert.pem")]
    [InlineData("serve -k {d}/s --tls-verify-peer {d}/a.qed", "--tls-certificates")]
    [InlineData("serve -L {d}/a.qed", "serves no image")]
    [InlineData("serve -L -p 1", "no server answers")]
    [InlineData("serve -L -k {d}/s --tls-certificates={d}", "without TLS")]
    [InlineData("serve -L -k {d}/s --tls-psk={d}/keys.psk", "without TLS")]
    [InlineData("serve -k {d}/s --tls-psk {d}/keys.psk {d}/a.qed", "Could not open '{d}/keys.psk': No such file")]
    [InlineData("serve -k {d}/s --tls-psk {d} {d}/a.qed", "the keys cannot be read")]
    [InlineData("serve -k {d}/s --tls-psk {d}/v.vhdx {d}/a.qed", "/v.vhdx': line ")]
    [InlineData("serve -k {d}/s --tls-psk {d}/k --tls-certificates {d} {d}/a.qed", "in one way")]
    [InlineData("serve -k {d}/s --tls-psk {d}/k --tls-verify-peer {d}/a.qed", "by their certificates")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,dir={d},endpoint=server --tls-creds t {d}/a.qed", "Could not open '{d}/keys.psk': No such file")]
    [InlineData("serve -k {d}/s --object tls-creds-x509,id=t,dir={d},endpoint=server,verify-peer=off --tls-creds t {d}/a.qed", "has no server-cert.pem")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,dir={d},endpoint=server {d}/a.qed", "'t' is used by nothing")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,dir={d},endpoint=server --tls-creds u {d}/a.qed", "'t' is used by nothing")]
    [InlineData("serve -k {d}/s --tls-creds u {d}/a.qed", "No TLS credentials with id 'u'")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,dir={d} --tls-creds t {d}/a.qed", "Expecting TLS credentials with a server endpoint")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,endpoint=server --tls-creds t {d}/a.qed", "Missing 'dir' property value")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,dir={d},endpoint=server --tls-creds t {d}/a.qed", "Parameter 'id' is missing")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,dir={d},endpoint=server,priority=NORMAL --tls-creds t {d}/a.qed", "not 'priority'")]
    [InlineData("serve -k {d}/s --object tls-creds-psk,id=t,dir={d},endpoint=server,verify-peer=maybe --tls-creds t {d}/a.qed", "expects 'on' or 'off'")]
    [InlineData("serve -k {d}/s --object secret,id=t,data=x {d}/a.qed", "of the type 'secret' are not there")]
    [InlineData("serve -k {d}/s --object {} {d}/a.qed", "of the type '{}' are not there")]
    [InlineData("serve --tls-authz a {d}/a.qed", "--tls-verify-peer")]
    [InlineData("serve -B b {d}/a.qed", "no dirty bitmaps")]
    [InlineData("serve -l s {d}/a.qed", "snapshots within an image")]
    [InlineData("serve -T nbd_* {d}/a.qed", "-v tells")]
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

    // Of the line in which a server says where it is.
    private static string PortIn(string line) => new Uri(line[line.IndexOf("nbd:", StringComparison.Ordinal)..]).Port.ToString(CultureInfo.InvariantCulture);
}
