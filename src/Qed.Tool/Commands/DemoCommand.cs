using System;
using System.IO;
using System.Linq;
using Qed.Tool.CommandLine;

namespace Qed.Tool.Commands;

/// <summary><c>qed demo</c>: the tour of the README, on images that it makes itself.</summary>
internal static class DemoCommand
{
    private const int DataSize = 24 << 20;
    private const int DiskSize = 64 << 20;

    internal static ToolCommand Definition { get; } = new()
    {
        Name = "demo",
        Summary = "Show on images of its own what this command does; leaves nothing behind.",
        Run = Run,
    };

    private static int Run(ParsedArguments arguments, Session session)
    {
        string before = Environment.CurrentDirectory;
        string folder = Directory.CreateTempSubdirectory("qed-demo-").FullName;
        try
        {
            Environment.CurrentDirectory = folder;
            return Tour(session) ? ExitCode.Success : ExitCode.Failure;
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Tour(Session session)
    {
        FillDisk("server.raw");
        return Step(session, "A new, empty disk of 10 GiB takes next to no space.", "create -f qed empty.qed 10G", "info empty.qed")
            && Step(session, "A raw image becomes a QED image; every byte is read back and compared.", "convert --verify -f raw -O qed server.raw base.qed")
            && Step(session, "Is it sound?", "check base.qed")
            && Step(session, "An overlay holds only what differs from its backing file.", "create -f qed -b base.qed -F qed overlay.qed")
            && Step(session, "It grows in place.", "resize overlay.qed 128M")
            && Refused(session, "It shrinks only when told to: this is refused.", "resize overlay.qed 16M")
            && Step(session, "The chain, from the top down.", "info --backing-chain overlay.qed")
            && Step(session, "Where do its bytes lie?", "map overlay.qed")
            && Step(session, "Off its backing file: what came from there is copied in first, and the guest sees no difference.", "rebase -b '' overlay.qed", "info overlay.qed")
            && Step(session, "Back to raw, verified; the hole is a hole again.", "resize --shrink overlay.qed 64M", "convert --verify -O raw overlay.qed copy.raw", "info copy.raw")
            && Step(session, "The same bytes as at the start?", "compare -s -f raw -F raw server.raw copy.raw");
    }

    /// <summary>Something to put into a disk: data at the start, the rest a hole.</summary>
    private static void FillDisk(string path)
    {
        byte[] data = new byte[DataSize];
        new Random(1).NextBytes(data);
        using FileStream file = File.Create(path);
        file.Write(data);
        file.SetLength(DiskSize);
    }

    private static bool Step(Session session, string text, params string[] commands)
    {
        session.Output.WriteLine($"# {text}");
        bool succeeded = commands.All(command => Show(session, command) == ExitCode.Success);
        session.Output.WriteLine();
        return succeeded;
    }

    private static bool Refused(Session session, string text, string command) => !Step(session, text, command);

    private static int Show(Session session, string command)
    {
        session.Output.WriteLine("$ qed " + command);
        session.Output.Flush();
        return session.Run(command.Split(' ').Select(word => word == "''" ? string.Empty : word).ToArray());
    }
}
