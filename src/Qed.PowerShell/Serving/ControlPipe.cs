using System;
using System.IO;
using System.IO.Pipes;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Qed.PowerShell.Serving;

/// <summary>How the user's other processes ask a server that has a process of its own: one question a connection.</summary>
/// <remarks>The pipe is the user's alone. Its name is in a file of the user's, whose name is the number of the process.</remarks>
internal sealed class ControlPipe : IDisposable
{
    /// <summary>How long the other side may take to come, or to say something.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

#if NET
    private const PipeOptions Options = PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly;
#else
    private const PipeOptions Options = PipeOptions.Asynchronous;
#endif

    private const int BufferSize = 4096;

    private readonly SessionServer _server;
    private readonly string _name = $"qed-{Guid.NewGuid():N}";
    private readonly CancellationTokenSource _end = new();
    private readonly Thread _thread;

    /// <summary>Begins to answer.</summary>
    internal ControlPipe(SessionServer server)
    {
        _server = server;
        _thread = new Thread(Answer) { IsBackground = true, Name = "Qed control" };
        // Before its name is known, so that whoever knows it is answered.
        NamedPipeServerStream first = Create();
        _thread.Start(first);
        ProcessFiles.Write(server.Description.ProcessId, _name);
    }

    /// <summary>Asks a server.</summary>
    /// <param name="name">The name of its pipe.</param>
    /// <param name="question">What is asked.</param>
    /// <param name="read">Reads the answer.</param>
    /// <exception cref="IOException">Nobody is there.</exception>
    /// <exception cref="TimeoutException">It is there, and has too much else to do.</exception>
    internal static T Ask<T>(string name, ControlQuestion question, Func<BinaryReader, T> read)
    {
        using var pipe = new NamedPipeClientStream(".", name, PipeDirection.InOut, Options);
        try
        {
            pipe.Connect((int)Patience.TotalMilliseconds);
            pipe.WriteByte((byte)question);
        }
        catch (Exception error) when (error is TimeoutException or UnauthorizedAccessException)
        {
            throw new IOException(error.Message, error);
        }

        using var answer = new MemoryStream();
        // An image may take long to close.
        using var impatience = new CancellationTokenSource(question == ControlQuestion.Stop ? Timeout.InfiniteTimeSpan : Patience);
        try
        {
            pipe.CopyToAsync(answer, BufferSize, impatience.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException error)
        {
            throw new TimeoutException("The server does not answer.", error);
        }

        answer.Position = 0;
        return read(new BinaryReader(answer, Encoding.UTF8));
    }

    /// <summary>Answers nobody any more.</summary>
    public void Dispose()
    {
        ProcessFiles.Delete(_server.Description.ProcessId);
        _end.Cancel();
        _thread.Join();
        _end.Dispose();
    }

    private NamedPipeServerStream Create() => new(_name, PipeDirection.InOut, NamedPipeServerStream.MaxAllowedServerInstances, PipeTransmissionMode.Byte, Options);

    private void Answer(object? first)
    {
        var pipe = (NamedPipeServerStream)first!;
        while (true)
        {
            try
            {
                pipe.WaitForConnectionAsync(_end.Token).GetAwaiter().GetResult();
                byte[] question = new byte[1];
                Task<int> coming = pipe.ReadAsync(question, 0, 1, _end.Token);
                // Who comes and says nothing keeps nobody else waiting for long.
                if (coming.Wait(Patience) && coming.Result == 1)
                    Answer((ControlQuestion)question[0], pipe);
            }
            catch (OperationCanceledException)
            {
                pipe.Dispose();
                return;
            }
            catch (Exception error) when (error is IOException or AggregateException)
            {
                // Whoever asked has gone.
            }

            // The next one is there before this one goes: somebody may be waiting already.
            NamedPipeServerStream next = Create();
            pipe.Dispose();
            pipe = next;
        }
    }

    private void Answer(ControlQuestion question, Stream pipe)
    {
        using var answer = new MemoryStream();
        var writer = new BinaryWriter(answer, Encoding.UTF8);
        switch (question)
        {
            case ControlQuestion.Describe:
                _server.Description.WriteTo(writer);
                break;
            case ControlQuestion.State:
                _server.State.WriteTo(writer);
                break;
            case ControlQuestion.Stop:
                writer.Write(Stop());
                break;
        }

        writer.Flush();
        pipe.Write(answer.GetBuffer(), 0, (int)answer.Length);
        pipe.Flush();
    }

    private string Stop()
    {
        try
        {
            _server.Stop();
            return string.Empty;
        }
        catch (DiskImageException error)
        {
            return error.Message;
        }
    }
}
