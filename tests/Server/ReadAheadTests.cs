using System;
using System.Globalization;
using System.IO;
using System.Threading;
using Qed.Operations;
using Qed.Server;
using Qed.Server.Connections;
using Qed.Server.Exports;
using Qed.Server.Protocol;
using Qed.Tests.Support;
using Xunit;
using static Qed.Tests.Server.NbdNumbers;

namespace Qed.Tests.Server;

/// <summary>Requests that wait, of whose data nothing is in memory.</summary>
public sealed class ReadAheadTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Block = 65536;

    private readonly TempFolder _folder = new();

    private string Raw => _folder["disk.raw"];

    public ReadAheadTests() => File.WriteAllBytes(Raw, Patterns.Random(8 * MiB, 1));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_host_begins_with_all_reads_that_have_come_while_the_first_is_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux reads ahead of what is asked for");
        ForgetContents();
        using NbdExport export = NbdExport.Open(new NbdExportOptions { Path = Raw, SourceFormat = "raw", IsReadOnly = true });
        RequestInput input = Sent([.. Request(ReadCommand, MiB, Block), .. Request(WriteCommand, 0, 500), .. new byte[500], .. Request(ReadCommand, 3 * MiB, Block), .. Request(ReadCommand, 5 * MiB, Block)[..20]]);
        var ahead = new ReadAhead(input, new ExportAccess(export, takesSeveral: true)) { MostTicks = long.MaxValue / 100 };
        Assert.True(ahead.HasBegun(Take(input)));
        for (int i = 0; InMemory() < 2 * Block; i++)
        {
            Assert.True(i < 1000, "Nothing came into memory.");
            Thread.Sleep(10);
        }

        Assert.Equal(NbdCommand.Write, Take(input).Command);
        input.Skip(500);
        Assert.True(ahead.HasBegun(Take(input)));
    }

    [Fact]
    public void What_takes_long_to_look_up_is_not_waited_for_where_others_wait_behind_it()
    {
        using NbdExport export = NbdExport.Open(new NbdExportOptions { Path = Raw, SourceFormat = "raw", IsReadOnly = true });
        RequestInput input = Sent([.. Request(ReadCommand, 0, Block), .. Request(ReadCommand, MiB, Block)]);
        var ahead = new ReadAhead(input, new ExportAccess(export, takesSeveral: true)) { MostTicks = -1 };
        Assert.False(ahead.HasBegun(Take(input)));
        Assert.False(ahead.HasBegun(Take(input)));
    }

    [Fact]
    public void What_has_to_be_unpacked_is_not_waited_for_where_others_wait_behind_it()
    {
        ConvertImage.Run(new ConvertImageOptions { Path = Raw, SourceFormat = "raw", DestinationPath = _folder["disk.vmdk"], Subformat = Subformat.StreamOptimized });
        using NbdExport export = NbdExport.Open(new NbdExportOptions { Path = _folder["disk.vmdk"], IsReadOnly = true });
        RequestInput input = Sent([.. Request(ReadCommand, 0, Block), .. Request(ReadCommand, MiB, Block)]);
        var ahead = new ReadAhead(input, new ExportAccess(export, takesSeveral: true));
        Assert.False(ahead.HasBegun(Take(input)));
        Assert.False(ahead.HasBegun(Take(input)));
    }

    private static RequestInput Sent(byte[] bytes) => new(new Transport(new ScriptedClient(bytes)));

    private static byte[] Request(ushort command, int offset, int length)
        => NbdClient.RequestBytes(command, (ulong)offset, (uint)length, cookie: 7);

    private static RequestHeader Take(RequestInput input)
    {
        RequestHeader header = RequestHeader.Read(input.Peek(RequestHeader.Size));
        input.Take(RequestHeader.Size);
        return header;
    }

    private void ForgetContents()
    {
        Qemu.Result forgot = Qemu.Run("dd", "of=" + Raw, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none");
        Assert.Equal((0, string.Empty), (forgot.ExitCode, forgot.Error.Trim()));
        Assert.SkipUnless(InMemory() == 0, "the folder for temporary files lies in memory");
    }

    /// <summary>Bytes of the file that the system has in memory.</summary>
    private long InMemory() => long.Parse(Qemu.Run("fincore", "--bytes", "--noheadings", "--output", "RES", Raw).Output, CultureInfo.InvariantCulture);
}
