namespace Qed;

/// <summary>How much is done to make an image smaller and its data contiguous.</summary>
public enum OptimizeMode
{
    /// <summary>Space that nothing references is given back: clusters move from the end of the file into the gaps, and the file is cut.</summary>
    Quick,

    /// <summary>Clusters that hold only zeroes are freed first, and tables that are empty then.</summary>
    Full,

    /// <summary>As <see cref="Full"/>, and the tables lie at the front and the data behind them in the guest's order.</summary>
    Defragment,
}
