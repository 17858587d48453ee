using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Tool;

/// <summary>The standard streams, for whoever may have been started with some of them closed, as schedulers and daemons do.</summary>
/// <remarks>
/// A number that was free at the start soon stands for something else: on Unix the runtime's own pipes take it, before the
/// first line of a program runs, and what is written there is read as signals. Such files are closed on exec; one that was
/// handed over by exec cannot be.
/// </remarks>
internal static partial class StandardStreams
{
    private const int GetDescriptorFlags = 1;
    private const int LastStandardNumber = 2;

    private static readonly bool[] IsGiven = new bool[LastStandardNumber + 1];

    // Never closed, so that no image takes such a number: the runtime writes its last words there.
    private static readonly SafeFileHandle?[] Placeholders = new SafeFileHandle?[LastStandardNumber + 1];

    /// <summary>Finds out what there is. Comes first of all, before anything opens a file.</summary>
    internal static void Claim()
    {
        for (int number = 0; number <= LastStandardNumber; number++)
        {
            int flags = OperatingSystem.IsWindows() ? 0 : GetFlags(number, GetDescriptorFlags);
            IsGiven[number] = flags == 0;
            if (flags < 0)
                Placeholders[number] = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
    }

    /// <summary>Standard output; nothing where it was closed.</summary>
    internal static Stream OpenOutput() => IsGiven[1] ? Console.OpenStandardOutput() : Stream.Null;

    /// <summary>Standard error; nothing where it was closed. What it does not take is lost: nobody could be told.</summary>
    internal static Stream OpenError() => IsGiven[2] ? new LossyStream(Console.OpenStandardError()) : Stream.Null;

    /// <summary>Standard input for a disk's bytes; where it is a file it tells how much of it is left.</summary>
    internal static Stream OpenData()
    {
        RequireGiven(0, "standard input");
        return OperatingSystem.IsWindows() ? Console.OpenStandardInput() : new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
    }

    /// <summary>Standard output for a disk's bytes, none of which is lost without an error.</summary>
    internal static Stream CreateData()
    {
        RequireGiven(1, "standard output");
        var handle = new SafeFileHandle(OperatingSystem.IsWindows() ? WindowsConsole.OutputHandle : 1, ownsHandle: false);
        if (handle.IsAsync)
            return Console.OpenStandardOutput();
        var output = new FileStream(handle, FileAccess.Write, bufferSize: 0);
        // The console's own stream is silent when a pipe's reader is gone; but where output goes to a file it is the one
        // that leaves the next program's output behind ours.
        return output.CanSeek ? Console.OpenStandardOutput() : output;
    }

    /// <summary>Whether a person is looking at standard output.</summary>
    internal static bool IsOutputTerminal => IsGiven[1] && !Console.IsOutputRedirected;

    private static void RequireGiven(int number, string name)
    {
        if (!IsGiven[number])
            throw new IOException(name + " is closed");
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int GetFlags(int number, int command);

    /// <summary>A stream for writing whose errors are nobody's.</summary>
    private sealed class LossyStream(Stream stream) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                stream.Write(buffer);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // There is no other place to say so.
            }
        }

        public override void Flush()
        {
            // Every write goes straight to the system.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
