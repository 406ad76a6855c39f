# %% tags=["parameters"]
first_test_year: int = 2000  # forecasts are judged from the first trading day of this year
refit_years: int = 2  # each model learns anew after so many years
resamples: int = 500  # histories of the bootstrap
block_days: int = 21  # neighbouring days that stay together in the bootstrap
trees: int = 100  # trees of each boosted model
cost_bp: float = 5.0  # cost of trading in basis points (1/10,000) of what is bought or sold, one way
seed: int = 0  # seed of everything random

# %%
import time
T0=time.process_time()
def tick(what):
    print(f"---- {what}: {time.process_time()-T0:.1f}", flush=True)
import numpy as np
import pandas as pd
from course_lib import load, record

# %%
index = load("sp500_days").set_index("Date")
index["return"] = index["Close"].pct_change()
stocks = load("stocks").set_index("Date")
moves = stocks.pct_change()

# %%
def histories(days, seed=seed):
    """Draw histories of blocks: how often each day occurs, one row a history."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, days - block_days + 1, (resamples, -(-days // block_days)))
    drawn = (starts[..., None] + np.arange(block_days)).reshape(resamples, -1)[:, :days]
    return np.stack([np.bincount(row, minlength=days) for row in drawn]).astype("float32")

def interval(values):
    low, high = np.quantile(values, [0.025, 0.975])
    return low, high

def sharpe(returns):
    """Sharpe ratio of a year, without interest, with its interval."""
    returns = np.asarray(returns)
    n = len(returns)
    counts = histories(n)
    mean, square = counts @ returns / n, counts @ returns**2 / n
    drawn = np.sqrt(252) * mean / np.sqrt(square - mean**2)
    low, high = interval(drawn)
    return {"value": np.sqrt(252) * returns.mean() / returns.std(), "low": low, "high": high}

def mean_of(values):
    values = np.asarray(values)
    drawn = histories(len(values)) @ values / len(values)
    low, high = interval(drawn)
    return {"value": values.mean(), "low": low, "high": high}

# %%  rules
spans = [1, 2, 3, 4, 5, 7, 10, 15, 21, 42, 63, 84, 105, 126, 189, 252]
def rules(close):
    said = {}
    for days in spans:
        rises = close > close.shift(days)
        said[f"momentum {days}"], said[f"reversal {days}"] = rises, ~rises
    for fast in (1, 2, 5, 10, 20, 50):
        for slow in (20, 50, 100, 150, 200, 250):
            if fast < slow:
                said[f"average {fast}/{slow}"] = close.rolling(fast).mean() > close.rolling(slow).mean()
    for days in (5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 250):
        top, bottom = close == close.rolling(days).max(), close == close.rolling(days).min()
        said[f"channel {days}"] = pd.Series(np.where(top, 1.0, np.where(bottom, 0.0, np.nan)), close.index).ffill() > 0.5
    said = pd.DataFrame(said)
    return pd.concat([said.astype(float).add_suffix(", flat"), (2.0 * said - 1).add_suffix(", short")], axis=1)
positions = rules(index["Close"])
print(positions.shape)
later = positions.shift(1)
paid = later.diff().abs().fillna(0)

def paper(start, end, cost=0.0, delay=1):
    held = positions.shift(delay).loc[start:end]
    earned = held.mul(index["return"].loc[start:end], axis=0)
    return earned - cost / 1e4 * positions.shift(delay).diff().abs().loc[start:end]

def reality(start, end, cost=0.0):
    excess = paper(start, end, cost).sub(index["return"].loc[start:end], axis=0).to_numpy()
    mean = excess.mean(axis=0)
    drawn = histories(len(excess)) @ excess / len(excess)
    best = mean.argmax()
    alone = (drawn[:, best] - mean[best] >= mean[best]).mean()
    white = ((drawn - mean).max(axis=1) >= mean.max()).mean()
    return best, alone, white
rows=[]
for a,b in (("1951","1979"),("1980","1999"),("2000","2018"),("1951","2018")):
    for c in (0,5):
        r=paper(a,b,c); best,al,wh=reality(a,b,c)
        base=index["return"].loc[a:b]
        sh=lambda x: np.sqrt(252)*x.mean()/x.std()
        rows.append((a,b,c,r.columns[best],sh(r.iloc[:,best]),sh(base),al,wh))
print(pd.DataFrame(rows).round(3).to_string())
win="momentum 1, short"
for a,b in (("1951","1979"),("1980","1999"),("2000","2018")):
    for d in (1,2):
        x=paper(a,b,0,d)[win]; print(a,b,d,sharpe(x))
tick("rules")

# %% direction
def refits(days, horizon):
    """Walk forward: positions of the days to learn from and of the days to judge."""
    years = days.year
    for start in range(first_test_year, years.max() + 1, refit_years):
        judged = np.flatnonzero((years >= start) & (years < start + refit_years))
        yield np.arange(judged[0] - horizon + 1), judged

from sklearn.linear_model import LogisticRegression, LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
r=index["return"]
feat=pd.DataFrame({**{f"lag{i}":r.shift(i) for i in range(5)}, **{f"mom{k}":index["Close"].pct_change(k) for k in (5,21,63,252)}, **{f"vol{k}":r.rolling(k).std() for k in (21,63)}})
table=feat.assign(up=(r.shift(-1)>0), nxt=r.shift(-1)).loc["1962":].dropna()
X=table[feat.columns].to_numpy(); p=np.full(len(table),np.nan)
for learn,judge in refits(table.index,1):
    m=make_pipeline(StandardScaler(),LogisticRegression()).fit(X[learn],table["up"].iloc[learn]); p[judge]=m.predict_proba(X[judge])[:,1]
t=table[~np.isnan(p)]; pp=p[~np.isnan(p)]
hit=((pp>.5)==t.up); print("hit",mean_of(hit*1.), "up",t.up.mean(), "diff",mean_of(hit*1.-t.up), "said up",(pp>.5).mean())
tick("direction")

# %% cross-section
market = moves.mean(axis=1)
def panel():
    log = np.log(stocks)
    wide = {f"return {i}": moves.shift(i) for i in range(5)}
    wide |= {f"momentum {k}": log - log.shift(k) for k in (5, 21, 63)}
    wide["momentum 252-21"] = log.shift(21) - log.shift(252)
    wide |= {f"volatility {k}": moves.rolling(k).std() for k in (21, 63)}
    wide["below the high"] = log - log.rolling(252).max()
    for name in ("return 0","momentum 5", "momentum 21", "momentum 252-21", "volatility 21"):
        wide[f"rank of {name}"] = wide[name].rank(axis=1, pct=True)
    same = {"market 1": market, "market 21": market.rolling(21).sum(), "market vol": market.rolling(21).std()}
    wide |= {k: pd.DataFrame({s: v for s in stocks}) for k, v in same.items()}
    return wide
wide = panel()
days = stocks.loc["1995":].index
feats = np.stack([wide[k].loc[days].to_numpy() for k in wide], axis=2).astype("float32")
print(feats.shape, np.isnan(feats).sum())
ahead = {h: (stocks.shift(-h) / stocks - 1).loc[days] for h in (1, 5)}
tick("panel")
from lightgbm import LGBMClassifier, LGBMRegressor
def boosted(n=trees, leaves=15, lr=0.05,**k):
    return LGBMClassifier(n_estimators=n,num_leaves=leaves,learning_rate=lr,min_child_samples=200,subsample=.5,subsample_freq=1,colsample_bytree=.5,max_bin=63,random_state=seed,n_jobs=1,verbose=-1,**k)
def scores_of(make, h):
    beats = ahead[h].gt(ahead[h].mean(axis=1), axis=0).to_numpy()
    out = np.full(beats.shape, np.nan)
    for learn, judge in refits(days, h):
        m = make().fit(feats[learn].reshape(-1, feats.shape[2]), beats[learn].ravel())
        out[judge] = m.predict_proba(feats[judge].reshape(-1, feats.shape[2]))[:, 1].reshape(-1, 20)
    return pd.DataFrame(out, days, stocks.columns)
def linear(): return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
S={}
S["momentum",1]=wide["momentum 252-21"].loc[days]
S["reversal",1]=-wide["return 0"].loc[days]
for nm,mk in (("logistic",linear),("boosting",boosted)):
    for h in (1,5):
        S[nm,h]=scores_of(mk,h); tick(f"{nm} {h}")
def book(score, h):
    rank = score.rank(axis=1, method="first")
    w = ((rank > 15).astype(float) - (rank <= 5)) / 5
    w=w.loc[str(first_test_year):]
    return w.rolling(h, min_periods=1).mean()
def account(w, cost=0., delay=1):
    gross=(w.shift(delay)*moves.loc[w.index]).sum(axis=1)
    turn=w.diff().abs().sum(axis=1).shift(delay)
    return (gross-cost/1e4*turn).iloc[3:], turn.iloc[3:]
from scipy.stats import rankdata
def ics(score,h):
    s=score.loc[str(first_test_year):].iloc[:-h]; a=ahead[h].loc[s.index]
    return s.rank(axis=1).corrwith(a.rank(axis=1),axis=1)
from sklearn.metrics import roc_auc_score
for (nm,h),s in S.items():
    w=book(s,h); g,t=account(w); 
    line=[f"{nm} {h}d", "IC", {k:round(float(v),3) for k,v in mean_of(ics(s,h)).items()}, "sh",{k:round(float(v),2) for k,v in sharpe(g).items()}, "turn",round(t.mean(),2),"be",round(1e4*g.mean()/t.mean(),1)]
    for c in (2,5,10): line.append(round(float(sharpe(account(w,c)[0])["value"]),2))
    line+=["later",round(float(sharpe(account(w,0,2)[0])["value"]),2), "periods",[round(float(sharpe(g.loc[a:b])["value"]),2) for a,b in (("2000","2007"),("2008","2015"),("2016","2022"))]]
    print(*line,flush=True)
rng=np.random.default_rng(seed)
band=[]
for _ in range(100):
    w=book(pd.DataFrame(rng.random((len(days),20)),days,stocks.columns),1); g,_t=account(w); band.append(np.sqrt(252)*g.mean()/g.std())
print("chance band",np.quantile(band,[.025,.975]),max(band))
for nm in ("boosting",):
    w=book(S[nm,5],5); st=w.expanding().mean().shift(1).fillna(0)
    g,t=account(st); print("static tilt",sharpe(g),t.mean()); 
    fixed=account(w)[0]; dy=w-st; print("dynamic net 5",sharpe(account(dy,5)[0]), "net5 all", sharpe(account(w,5)[0]))
    w=book(S[nm,1],1); st=w.expanding().mean().shift(1).fillna(0); print("static 1d",sharpe(account(st)[0]))
tick("cross-section accounts")
# survivors
import statsmodels.api as sm
ix=load("sp500_index").set_index("Date")["SP500"].pct_change()
y=moves.mean(axis=1).iloc[1:]; x=ix.iloc[1:]+.021/252
fit=sm.OLS(y.to_numpy(),sm.add_constant(x.to_numpy())).fit(cov_type="HAC",cov_kwds={"maxlags":21})
print("alpha",fit.params*[252,1],fit.tvalues, fit.conf_int()[0]*252)
print("held 20 stocks 2000-",sharpe(moves.mean(axis=1).loc["2000":]))
tick("survivors")
# %% leak
from sklearn.model_selection import ShuffleSplit
h=5
since=days>="2000"
F=feats[since][:-h]; A=(ahead[5][since].iloc[:-h]>0).to_numpy(); n=len(F)
def auc(learn,judge):
    m=boosted(150,63,.1,).fit(F[learn].reshape(-1,F.shape[2]),A[learn].ravel())
    return roc_auc_score(A[judge].ravel(),m.predict_proba(F[judge].reshape(-1,F.shape[2]))[:,1])
flat=np.arange(n*20); rng.shuffle(flat); cut=int(.8*n*20)
Ff=F.reshape(-1,F.shape[2]); Af=A.ravel()
m=boosted(150,63,.1).fit(Ff[flat[:cut]],Af[flat[:cut]]); print("random rows AUC",roc_auc_score(Af[flat[cut:]],m.predict_proba(Ff[flat[cut:]])[:,1]))
k=int(.8*n)
print("time AUC",auc(np.arange(k-h),np.arange(k,n)))
tick("leak")
