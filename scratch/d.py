
# %% [markdown]
# ## Thirty thousand categories
#
# `carrier` has 16 values, `dest` 105: trees take such columns as they are. An aircraft on a route, `tailnum` × `dest`, has thirty thousand, most with a handful of flights. The usual cure is **target encoding**: replace each category by the share of late flights in it. (The tail number
# is from the future, as we have just seen. Here it serves as a category with very many values; the lesson is about *counting*.) **Guess first**: three columns that we trust, and this one beside them. Better, or worse?

# %%
from lightgbm import LGBMClassifier

trusted = ["airport_delay", "carrier_hour_late", "visibility"]
order = flights.assign(scheduled=scheduled).sort_values(features.IN_ORDER).index
rows = table.assign(late=flights.loc[order, "late"].to_numpy(), pair=(flights["tailnum"] + " " + flights["dest"]).loc[order].to_numpy())
rows = rows[rows["late"].notna() & rows["day"].between("2013-01-15", "2013-10-31")]
data_train, data_validation = rows[rows["day"] < "2013-09-01"], rows[rows["day"] >= "2013-09-01"]
print(f"{data_train['pair'].nunique():,} levels in {len(data_train):,} flights; half have at most {data_train['pair'].value_counts().median():.0f}")

# %%
def validation_auc(train, validation):
    """AUC of boosted trees in September and October; the columns of `train` are the features."""
    model = LGBMClassifier(n_estimators=60, num_leaves=15, learning_rate=0.1, min_child_samples=300, random_state=seed, verbose=-1)
    probability = model.fit(train, data_train["late"]).predict_proba(validation)[:, 1]
    return evaluate.score(data_validation["late"], probability, data_validation["day"], ["roc_auc"]).iloc[0]


without = validation_auc(data_train[trusted], data_validation[trusted])
without.round(3)

# %%
share = data_train.groupby("pair")["late"].mean()
encoded = [data[trusted].assign(encoded=data["pair"].map(share)) for data in (data_train, data_validation)]
in_sample = validation_auc(*encoded)
in_sample.round(3)

# %% [markdown]
# Worse, and by a lot.
