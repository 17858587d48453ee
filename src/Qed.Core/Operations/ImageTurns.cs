using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;

namespace Qed.Operations;

/// <summary>
/// Keeps parallel changes of one process apart where their backing chains meet: an image is not changed while another
/// change reads it as a backing file, which would fail as in use. Images that share only what they rest on go on in parallel.
/// </summary>
public sealed class ImageTurns
{
    private readonly ConcurrentDictionary<string, ReaderWriterLockSlim> _locks = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Waits until nobody reads or writes an image, nor writes what it rests on.</summary>
    /// <param name="path">The image that is to be changed.</param>
    /// <param name="newBackingName">The name of its new backing file; null for none.</param>
    /// <returns>Ends the turn when disposed of, by the thread that took it.</returns>
    public IDisposable Take(string path, string? newBackingName = null)
    {
        if (path is null)
            throw new ArgumentNullException(nameof(path));
        var readings = new HashSet<string>(ChainOf(path).Skip(1), StringComparer.OrdinalIgnoreCase);
        if (newBackingName is not null)
            readings.UnionWith(ChainOf(Path.Combine(Path.GetDirectoryName(path) ?? string.Empty, newBackingName)));
        readings.Remove(path);
        // Everybody takes locks in the same order, so nobody waits in a circle.
        return new Turn(readings.Append(path).OrderBy(file => file, StringComparer.OrdinalIgnoreCase).Select(file => Enter(file, isWriting: file == path)));
    }

    private static List<string> ChainOf(string path)
    {
        var chain = new List<string>();
        try
        {
            chain.AddRange(DescribeImage.RunChain(new DescribeImageOptions { Path = path }).Select(link => link.Path));
        }
        catch (DiskImageException)
        {
            // What is wrong with the chain is for the operation itself to report.
        }

        return chain;
    }

    private Action Enter(string file, bool isWriting)
    {
        ReaderWriterLockSlim gate = _locks.GetOrAdd(file, _ => new ReaderWriterLockSlim());
        if (isWriting)
        {
            gate.EnterWriteLock();
            return gate.ExitWriteLock;
        }

        gate.EnterReadLock();
        return gate.ExitReadLock;
    }

    private sealed class Turn(IEnumerable<Action> locks) : IDisposable
    {
        private readonly Action[] _exits = locks.ToArray();

        public void Dispose()
        {
            foreach (Action exit in _exits)
                exit();
        }
    }
}
