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
        IEnumerable<string> readings = ChainOf(path).Skip(1);
        if (newBackingName is not null)
            readings = readings.Concat(ChainOf(Path.Combine(Path.GetDirectoryName(path) ?? string.Empty, newBackingName)));
        return Take(readings, [path]);
    }

    /// <summary>Waits until nobody reads or writes any image that is merged, nor the one that they are merged into, nor writes what that rests on.</summary>
    /// <param name="merge">The merge that follows.</param>
    /// <returns>Ends the turn when disposed of, by the thread that took it.</returns>
    public IDisposable Take(MergeImageOptions merge)
    {
        if (merge is null)
            throw new ArgumentNullException(nameof(merge));
        try
        {
            MergeLinks links = MergeLinks.Find(merge);
            return Take(ChainOf(links.Destination.Path), links.Above.Append(links.Destination).Select(link => link.Path));
        }
        catch (DiskImageException)
        {
            return Take([], [merge.Path]);
        }
    }

    private Turn Take(IEnumerable<string> readings, IEnumerable<string> writings)
    {
        var all = new SortedDictionary<string, bool>(StringComparer.OrdinalIgnoreCase);
        foreach (string file in readings)
            all[file] = false;
        foreach (string file in writings)
            all[file] = true;
        // Everybody takes locks in the same order, so nobody waits in a circle.
        return new Turn(all.Select(file => Enter(file.Key, file.Value)));
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
