using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Images;
using Qed.Operations;

namespace Qed.Server.Exports;

/// <summary>Makes an overlay that is served stand alone, on a thread of its own. What it has not done when it is cut short the next one does.</summary>
internal sealed class LiveCopy : IProgress<OperationProgress>, IDisposable
{
    private readonly WritableDiskImage _image;
    private readonly NbdExportOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end = new();
    private readonly object _gate = new();
    private LiveCopyState _state;
    private Thread? _thread;

    internal LiveCopy(WritableDiskImage image, NbdExportOptions options, ILogger logger)
    {
        _image = image;
        _options = options;
        _logger = logger;
        _state = new LiveCopyState(0, image.Length, IsComplete: false, Error: null);
    }

    internal LiveCopyState State
    {
        get
        {
            lock (_gate)
                return _state;
        }
    }

    /// <summary>Begins.</summary>
    /// <param name="completed">Called when the overlay stands alone.</param>
    internal void Start(Action completed)
    {
        _thread = new Thread(() => Run(completed)) { IsBackground = true, Name = "Qed live copy" };
        _thread.Start();
    }

    /// <inheritdoc/>
    void IProgress<OperationProgress>.Report(OperationProgress value)
    {
        lock (_gate)
            _state = _state with { Done = value.Done };
    }

    /// <summary>Cuts it short.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _thread?.Join();
        _end.Dispose();
    }

    private void Run(Action completed)
    {
        try
        {
            DetachImage.Run(_image, new DetachImageOptions { MaximumBytesPerSecond = _options.StreamedBytesPerSecond }, this, _logger, _end.Token);
            lock (_gate)
                _state = _state with { Done = _state.Total, IsComplete = true };
            ServerLog.StandsAlone(_logger, _image.Path, _options.Path);
            completed();
        }
        catch (OperationCanceledException)
        {
            // The next one goes on.
        }
        catch (DiskImageException error)
        {
            Fail(error.Message);
            ServerLog.NotCopied(_logger, _options.Path, _image.Path, error.Message);
        }
        catch (Exception fault)
        {
            // Those who use the disk have not failed.
            Fail(fault.Message);
            ServerLog.CopyFault(_logger, fault, _image.Path);
        }
    }

    private void Fail(string reason)
    {
        lock (_gate)
            _state = _state with { Error = reason };
    }
}
